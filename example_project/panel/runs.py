"""The last queries of each visitor, those of one kind together."""

import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

_MOST_VISITORS = 100
_MOST_RUNS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Queries of one kind that went one after the other to one database for one reason.

    ``milliseconds`` is what the last of them took, ``at`` when it was, by the monotonic clock.
    ``waited`` is for how many seconds the replica was waited for just before.
    """

    verb: str
    model: str
    alias: str
    reason: str
    explanation: str
    milliseconds: float
    at: float
    waited: float = 0.0
    times: int = 1

    def is_continued_by(self, other: "Run") -> bool:
        """Whether the other is one more of the same."""
        return self._course == other._course

    @property
    def _course(self) -> tuple[str, str, float]:
        return self.alias, self.explanation, self.waited

    @property
    def database(self) -> str:
        """Where, in words."""
        return "the primary" if self.alias == "default" else self.alias

    @property
    def waited_milliseconds(self) -> int:
        """The wait, for people."""
        return round(self.waited * 1000)

    @property
    def kind(self) -> tuple[str, str]:
        """What is followed from run to run."""
        return self.verb, self.model


class Runs:
    """The last runs of one visitor, the latest first. A browser sends several requests at once."""

    def __init__(self) -> None:
        self._runs: deque[Run] = deque(maxlen=_MOST_RUNS)
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Run]:
        with self._lock:
            return iter(tuple(self._runs))

    def add(self, run: Run) -> None:
        """Note a query: one more of its kind's latest run, or the first of another."""
        with self._lock:
            latest = next((known for known in self._runs if known.kind == run.kind), None)
            if latest is not None and latest.is_continued_by(run):
                self._runs.remove(latest)
                run = replace(run, times=latest.times + 1)
            self._runs.appendleft(run)


_visitors: OrderedDict[str, Runs] = OrderedDict()
_visitors_lock = threading.Lock()


def runs_of(visitor: str) -> Runs:
    """The last runs of a visitor. Those who have not come for long are forgotten."""
    with _visitors_lock:
        runs = _visitors.setdefault(visitor, Runs())
        _visitors.move_to_end(visitor)
        while len(_visitors) > _MOST_VISITORS:
            _visitors.popitem(last=False)
    return runs
