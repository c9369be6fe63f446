"""What a scope has written to one cluster, and where its commits are in the log. No I/O."""

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from pinning.pins import Pins

#: How many pins are kept that came with commits. After more commits the primary is asked.
_MOST_TOLD = 50

#: How many kinds of writes are told apart. What is more counts as one.
_MOST_KINDS = 10


class Write(NamedTuple):
    """A kind of statements that write.

    ``model`` is the model's label; without a model the table, "raw SQL" or "mark_written()".
    ``alias`` is the primary's. ``statement`` is INSERT, UPDATE, DELETE or OTHER. ``pins`` is False
    where UNPINNED_MODELS or ``unpinned`` says so. ``line`` is the line of the project that wrote,
    as ``file:line``; "" if that was not asked for, or there is none.
    """

    model: str
    alias: str
    statement: str
    pins: bool = True
    line: str = ""


def count(writes: dict[Write, int], more: Mapping[Write, int]) -> None:
    """Add ``more`` to the counts of ``writes``. What has no room is counted together."""
    for write, times in more.items():
        has_room = write in writes or len(writes) < _MOST_KINDS
        key = write if has_room else Write("others", write.alias, "OTHER")
        writes[key] = writes.get(key, 0) + times


NO_WRITES: Mapping[Write, int] = MappingProxyType({})


class Written:
    """What a scope has committed to a cluster, and the pins of work that was done elsewhere.

    Several threads may write in one scope, a signal may interrupt one, and the process may fork
    meanwhile. So there is no lock: each step is one assignment or one ``append``, and what is
    assigned last makes the step count.

    Where the commits are in the log is in one of four states. ``known`` has the pins in the second
    and the last one:

    - Nothing was committed.
    - Told: every commit brought its pins along. Another such ``commit`` leaves it so.
    - To be asked: a ``commit`` brought none, or too many did. It is so again after each later one.
    - Asked: ``answer`` gave what the primary told after the last commit.

    Apart from that, all is saved, or a ``commit`` or ``receive`` since has to be saved yet.
    """

    __slots__ = (
        "_asked",
        "_is_told",
        "_latest",
        "_pins",
        "_sessions",
        "_writes",
        "has_commits",
        "is_saved",
    )

    def __init__(self) -> None:
        #: Whether something was committed.
        self.has_commits = False
        #: Whether all that was committed or received was taken.
        self.is_saved = True
        self._writes = NO_WRITES
        self._latest: object = None  # stands for the last commit
        self._is_told = True  # every commit came with its pins
        self._asked: tuple[object, Pins] | None = None  # the answer after that commit
        self._pins: list[tuple[bool, Pins]] = []  # whether they were received, and which
        self._sessions: set[object] = set()  # that committed, two at most

    def commit(
        self,
        told: Pins | None,
        session: object = None,
        writes: Mapping[Write, int] = NO_WRITES,
    ) -> None:
        """Note a commit of ``writes``. ``told`` has its pins, if the position came with it.

        ``session`` stands for the database session that made it. None if that is not known.
        """
        counts = self.writes()
        count(counts, writes)
        self._writes = counts
        if len(self._sessions) < 2:
            self._sessions.add(session)
        if told is None or len(self._pins) >= _MOST_TOLD:
            self._is_told = False
        elif self._is_told:
            self._pins.append((False, told))
        self._latest = object()
        self.has_commits = True
        self.is_saved = False

    def writes(self) -> dict[Write, int]:
        """How often it wrote what. Threads that write at once may have counted less."""
        return dict(self._writes)

    def receive(self, pins: Pins) -> None:
        """Note pins of work that was done elsewhere."""
        self._pins.append((True, pins))
        self.is_saved = False

    def received(self) -> Pins:
        """The pins of work that was done elsewhere."""
        return self._merged(are_received=True)

    def session(self) -> object:
        """The one session that made all commits. None if there are more, or one is not known."""
        sessions = tuple(self._sessions)
        return sessions[0] if len(sessions) == 1 else None

    def latest(self) -> object:
        """Stands for the last commit: another object after each."""
        return self._latest

    def known(self) -> Pins | None:
        """The pins of all commits. None if the primary has to be asked."""
        asked = self._asked
        if asked is not None and asked[0] is self._latest:
            return asked[1]
        return (self._is_told and self._merged(are_received=False)) or None

    def answer(self, latest: object, pins: Pins) -> None:
        """Note what the primary answered when the last commit was ``latest``."""
        self._asked = (latest, pins)

    def _merged(self, *, are_received: bool) -> Pins:
        pins = [pins for is_received, pins in list(self._pins) if is_received is are_received]
        return functools.reduce(Pins.merge, pins, Pins())
