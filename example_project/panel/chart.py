"""The lag of the last minute as a line, in the units of an SVG's viewBox."""

from collections.abc import Sequence
from dataclasses import dataclass

from example_project.panel.meter import SECONDS_SHOWN, Sample

WIDTH = 300
HEIGHT = 90
_LEAST_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines, each the points of a polyline; ``top`` is what the upper edge stands for, in seconds.

    ``set_at`` is the height of the lag that the slider asks for.
    """

    lines: tuple[str, ...]
    top: float
    set_at: float

    width = WIDTH
    height = HEIGHT


def draw(samples: Sequence[Sample], now: float, set_lag: float) -> Chart:
    """Draw what was measured; where the replica was silent the line is broken."""
    top = max(_LEAST_SECONDS, set_lag * 1.25, *(sample.lag or 0.0 for sample in samples))
    lines: list[list[str]] = [[]]
    for sample in samples:
        if sample.lag is None:
            lines.append([])
        elif sample.at >= now - SECONDS_SHOWN:
            x = WIDTH * (1 - (now - sample.at) / SECONDS_SHOWN)
            lines[-1].append(f"{x:.1f},{_height(sample.lag, top):.1f}")
    return Chart(tuple(" ".join(line) for line in lines if line), top, _height(set_lag, top))


def _height(lag: float, top: float) -> float:
    return HEIGHT * (1 - lag / top)
