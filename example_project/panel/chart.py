"""How many writes the replica lacked in the last minute, in the units of an SVG's viewBox."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

WIDTH = 300
HEIGHT = 60
SECONDS_SHOWN = 60.0
_LONGEST_GAP_SECONDS = 5.0
_LEAST_TOP = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """The writes that the replica lacked at a time of the monotonic clock; None if unknown."""

    at: float
    behind: int | None


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines, each the points of a polyline. ``most`` is the largest number in it."""

    lines: tuple[str, ...]
    most: int

    width = WIDTH
    height = HEIGHT


#: Each page that is looked at adds one.
_samples: deque[Sample] = deque(maxlen=1000)


def chart_with(sample: Sample) -> Chart:
    """The chart that ends with ``sample``."""
    _samples.append(sample)
    return draw(tuple(_samples), sample.at)


def draw(samples: Iterable[Sample], now: float) -> Chart:
    """Draw steps. The line is broken where nothing was known for some seconds."""
    shown = [sample for sample in samples if now - SECONDS_SHOWN <= sample.at <= now]
    most = max((sample.behind or 0 for sample in shown), default=0)
    lines: list[list[str]] = [[]]
    last = Sample(now - SECONDS_SHOWN, None)
    for sample in shown:
        is_broken = last.behind is None or sample.at - last.at > _LONGEST_GAP_SECONDS
        if is_broken:
            lines.append([])
        if sample.behind is not None:
            step = [] if is_broken else [_point(sample.at, last.behind, now, most)]
            lines[-1] += [*step, _point(sample.at, sample.behind, now, most)]
        last = sample
    return Chart(tuple(" ".join(line) for line in lines if line), most)


def _point(at: float, behind: int | None, now: float, most: int) -> str:
    x = WIDTH * (1 - (now - at) / SECONDS_SHOWN)
    y = HEIGHT * (1 - (behind or 0) / max(most, _LEAST_TOP))
    return f"{x:.1f},{y:.1f}"
