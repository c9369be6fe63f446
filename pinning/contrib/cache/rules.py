"""What becomes of a key: by a value that is stored, a deletion, and the end of a transaction."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pinning import conf
from pinning.contrib.cache.cell import Barrier, Cell, new_token
from pinning.contrib.cache.work import Miss, Work
from pinning.pins import Pins

#: A value is stored no later than so many seconds after the miss that it was made for.
FILL_SECONDS = 600.0

#: How far the clocks of web machines may be apart.
_SKEW_SECONDS = 60.0

#: For how long a transaction is believed to be open of which nothing more is heard.
_OPEN_SECONDS = 300.0

#: What a key becomes at a time; None leaves it as it is.
Rule = Callable[[Cell, float], Cell | None]


def barrier_seconds() -> float:
    """For how long a barrier lasts: as long as a replica may lag, and a fill may take."""
    settings = conf.settings()
    return max(settings.max_pin, settings.max_lag or 0.0) + FILL_SECONDS + _SKEW_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A value that is to be stored for so many seconds; None is for ever.

    ``is_new`` is whether there must be no value yet. ``is_fill`` is whether it was made because of
    a ``miss``, and ``is_filled`` whether it was made of rows for sure.
    """

    value: Any
    seconds: float | None
    is_new: bool = False
    is_fill: bool = False
    is_filled: bool = False
    miss: Miss | None = None

    @property
    def is_lock(self) -> bool:
        """Whether it is a lock or the like: nothing was read for it, and the first one counts."""
        return self.is_new and not self.is_fill

    @property
    def is_late(self) -> bool:
        """Whether its miss is so long ago that a deletion since may be forgotten."""
        miss = self.miss if self.is_fill else None
        return miss is not None and time.monotonic() - miss.at > FILL_SECONDS

    def cell(self, work: Work, barrier: Barrier | None, now: float) -> Cell:
        """What to keep, behind ``barrier``."""
        return Cell(
            value=self.value,
            is_filled=self.is_filled,
            seen=work.seen(barrier) if self.is_filled else Pins(),
            expires_at=None if self.seconds is None else now + self.seconds,
            barrier=barrier,
        )

    def may_stand(self, work: Work, barrier: Barrier | None) -> bool:
        """Whether it is not older than the deletion that has left ``barrier``."""
        if self.is_lock:
            return True
        return not self.is_late and work.has_passed(barrier, self.miss, is_fill=self.is_fill)


def stored(entry: Entry, work: Work) -> Rule:
    """The entry is stored by work that has written nothing."""

    def rule(cell: Cell, now: float) -> Cell | None:
        if _is_in_the_way(entry, work, cell) or not entry.may_stand(work, cell.barrier):
            return None
        return entry.cell(work, cell.barrier, now)

    return rule


def written(entry: Entry, work: Work, pins: Pins) -> Rule:
    """The entry is stored by work that has written, with ``pins``: what was there is deleted."""

    def rule(cell: Cell, now: float) -> Cell | None:
        if _is_in_the_way(entry, work, cell):
            return None
        barrier = _barrier(cell, pins, now)
        if not entry.may_stand(work, cell.barrier):
            return Cell(barrier=barrier)
        work.memory.note_own(barrier.token)
        return entry.cell(work, barrier, now)

    return rule


def deleted(work: Work, pins: Pins) -> Rule:
    """It is deleted by work with ``pins``."""

    def rule(cell: Cell, now: float) -> Cell:
        barrier = _barrier(cell, pins, now)
        if work.has_passed(cell.barrier, None, is_fill=True):
            work.memory.note_own(barrier.token)
        return Cell(barrier=barrier)

    return rule


def noting(work: Work, rule: Rule, found: list[bool]) -> Rule:
    """The same as ``rule``, and note in ``found`` whether there was a value."""

    def noted(cell: Cell, now: float) -> Cell | None:
        found.append(work.may_see(cell))
        return rule(cell, now)

    return noted


def touched(work: Work, seconds: float | None) -> Rule:
    """Its value is to last for so many seconds from now; None is for ever."""

    def rule(cell: Cell, now: float) -> Cell | None:
        if not work.may_see(cell):
            return None
        return replace(cell, expires_at=None if seconds is None else now + seconds)

    return rule


def counted(work: Work, delta: int, results: list[int]) -> Rule:
    """``delta`` is added to its value. The result is put into ``results``."""

    def rule(cell: Cell, now: float) -> Cell | None:  # noqa: ARG001
        if not work.may_see(cell):
            return None
        results.append(cell.value + delta)
        return replace(cell, value=results[-1])

    return rule


def opened(entry: Entry | None, work: Work, token: str) -> Rule:
    """It is deleted, or the entry is stored, in the transaction ``token``, which has written."""

    def rule(cell: Cell, now: float) -> Cell | None:
        if entry is not None and _is_in_the_way(entry, work, cell):
            return None
        barrier = _barrier(cell, Pins(), now).opened(token, now + _OPEN_SECONDS)
        before = _without(cell.barrier, token)
        if work.has_passed(before, None, is_fill=True):
            work.memory.note_own(barrier.token)
        if entry is None or not entry.may_stand(work, before):
            return Cell(barrier=barrier)
        return replace(entry.cell(work, barrier, now), owner=token)

    return rule


def closed(work: Work, token: str, pins: Pins, *, keeps_value: bool) -> Rule:
    """The transaction ``token`` has ended: it is committed with ``pins``, or there are none.

    A value that was set in it is kept if that is committed. If its barrier is gone, the key is
    deleted once more.
    """

    def rule(cell: Cell, now: float) -> Cell:
        before = _without(cell.barrier, token)
        is_there = cell.barrier is not None and before != cell.barrier
        barrier = _barrier(replace(cell, barrier=before), pins, now)
        if work.has_passed(before, None, is_fill=True):
            work.memory.note_own(barrier.token)
        is_kept = keeps_value if cell.owner == token else not cell.owner
        if not is_there or not is_kept:
            return Cell(barrier=barrier)
        return replace(cell, barrier=barrier, owner="")

    return rule


def _is_in_the_way(entry: Entry, work: Work, cell: Cell) -> bool:
    """Whether there must be no value, and is one. That of an open transaction counts, too."""
    return entry.is_new and (bool(cell.owner) or work.may_see(cell))


def _barrier(cell: Cell, pins: Pins, now: float) -> Barrier:
    """A new barrier for ``pins``, and for all that the old one stands for."""
    old = cell.barrier
    return Barrier(
        token=new_token(),
        pins=pins if old is None else old.pins.merge(pins),
        until=max(now + barrier_seconds(), 0.0 if old is None else old.until),
        open=() if old is None else old.open,
    )


def _without(barrier: Barrier | None, token: str) -> Barrier | None:
    if barrier is None:
        return None
    return replace(barrier, open=tuple(each for each in barrier.open if each[0] != token))
