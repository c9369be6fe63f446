"""How far behind a replica is: for how long it lacked the pins that this process asked it about.

It is a guess about the future, and decides only whether a wait is worth its while. Whether a
replica has a write is never guessed: that is asked.
"""

from collections.abc import Iterable, Mapping

from pinning.pins import Pin

#: The lag changes: the shortest of so many that were seen last counts.
_SAMPLES = 4

#: So many of the pins that it was seen to lack are looked for in each of its answers.
_LOOKED_FOR = 32

#: Two waits of a process share the answer to a question that is no older than so many seconds.
INTERVAL_SECONDS = 0.001


class Progress:
    """What a process has seen of a replica's way through the log. Times are in seconds.

    A pin tells when the primary was at a place of the log. From an answer that lacks it to the
    answer that has it, the replica has come there. Clocks that differ do no harm: they differ by as
    much at the next pin. Several threads may note answers; one that is lost costs a sample.
    """

    __slots__ = ("_answered_at", "_asked_at", "_lacked", "_lags")

    def __init__(self) -> None:
        self._answered_at = self._asked_at = 0.0
        self._lacked: tuple[Pin, ...] = ()
        self._lags: tuple[float, ...] = ()

    def note(self, places: Mapping[str, int], lacked: Iterable[Pin], now: float) -> None:
        """Note an answer at ``now``: the ``places`` it had reached, and which pins it ``lacked``.

        A pin of a timeline that the replica does not know tells nothing.
        """
        before, self._answered_at = self._answered_at, now
        found = [pin for pin in self._lacked if _has(places, pin)]
        self._lags = (*self._lags, *(max(0.0, before - pin.written_at) for pin in found))[
            -_SAMPLES:
        ]
        known = (pin for pin in (*self._lacked, *lacked) if pin.timeline in places)
        left = dict.fromkeys(pin for pin in known if not _has(places, pin))
        self._lacked = tuple(left)[-_LOOKED_FOR:]

    def seconds_until(self, pin: Pin, now: float) -> float:
        """In how many seconds it may have ``pin`` at the soonest. 0 or less: at any moment."""
        lag = min(self._lags, default=0.0)
        oldest = min((each.written_at for each in self._lacked), default=self._answered_at)
        return pin.written_at + max(lag, self._answered_at - oldest) - now

    def may_ask(self, now: float) -> bool:
        """Whether one of those who wait should ask now. The others learn from its answer."""
        if now < self._asked_at + INTERVAL_SECONDS:
            return False
        self._asked_at = now
        return True


def _has(places: Mapping[str, int], pin: Pin) -> bool:
    return pin.position is not None and places.get(pin.timeline, -1) >= pin.position
