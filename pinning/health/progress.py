"""How far behind a replica is: for how long it lacked the pins that this process asked it about.

It is a guess about the future. It decides whether a wait is worth its while, and whether a replica
is so far behind that "not yet" needs no question: the primary answers then. That a replica has a
write is never guessed: that is asked.
"""

import math
from collections.abc import Mapping, Sequence

from pinning.health.arrival import Arrival
from pinning.pins import Pin, Position

#: What is seen agrees with a long lag and with a short one if nobody asks for long. So the lag that
#: is believed becomes shorter by this factor each time, until a wait finds out.
_FADING = 0.9

#: So many of the pins that it was seen to lack are looked for in each of its answers.
_LOOKED_FOR = 32

#: The shortest of so many lags is believed: one that was long may be over by the next write.
_REMEMBERED = 4

#: After a wait in vain nobody waits for so many times as long, and twice as long after each further
#: one, but never for longer than so many seconds. Nor for a replica that is overdue by as much.
_REST, _LONGEST_REST = 10, 10.0

#: Two waits of a process share the answer to a question that is no older than so many seconds.
QUESTION_SECONDS = 0.001

#: A pin is asked about if the replica may have it in so many seconds, or in this share of its lag.
_NEAR_SECONDS, _NEAR_SHARE = 0.01, 0.02

#: After an answer, "not yet" is believed for half of the lag, but for no more seconds than these.
#: It is longer than the pause between two questions of the monitor.
_LONGEST_BELIEVED = 3.0


class Progress:
    """What a process has seen of a replica's way through the log. Times are in seconds.

    A pin tells when the primary was at a place of the log. From an answer that lacks it to the
    answer that has it, the replica has come there. Clocks that differ do no harm: they differ by as
    much at the next pin. Several threads may note answers; one that is lost costs a sample.
    """

    __slots__ = (
        "_answered_at",
        "_arrival",
        "_asked_at",
        "_lacked",
        "_lags",
        "_places",
        "_rest",
        "_rests_until",
        "_server",
        "_unasked",
    )

    def __init__(self) -> None:
        self._answered_at = self._asked_at = 0.0
        self._arrival = Arrival()
        self._lacked: tuple[Pin, ...] = ()
        self._unasked: tuple[Pin, ...] = ()  # guessed since the last answer to be far
        self._lags = (-math.inf,) * _REMEMBERED  # the last ones
        self._places: Mapping[str, int] = {}
        self._server = ""
        self._rest = self._rests_until = 0.0

    def note(self, seen: Position, asked: Sequence[Pin], now: float) -> None:
        """Note an answer at ``now``: what had been ``seen``, and which pins were ``asked`` about.

        It answers for the pins, too, of which ``is_far`` was guessed before: a guess would last as
        long as nobody asks. A pin of a timeline that the replica does not know tells nothing.
        """
        places, before = seen.places, self._answered_at
        asked, self._unasked = (*asked, *self._unasked), ()
        for pin in self._lacked:
            if _has(places, pin):
                self._learn(before - pin.written_at, now - pin.written_at)
        for pin in asked:
            if _has(places, pin) and now - pin.written_at < min(self._lags):
                self._lags = (*self._lags[1:], now - pin.written_at)
        self._note_ages(places, asked, now)
        self._places, self._server, self._answered_at = places, seen.server, now
        known = (pin for pin in (*self._lacked, *asked) if pin.timeline in places)
        left = sorted({pin for pin in known if not _has(places, pin)}, key=_written_at)
        self._lacked = tuple(left)  # the oldest tell most, and the newest will be waited for
        if len(left) > _LOOKED_FOR:
            half = _LOOKED_FOR // 2
            self._lacked = (*self._lacked[:half], *self._lacked[-half:])

    def seconds_until(self, pin: Pin, now: float) -> float:
        """In how many seconds it may have ``pin`` at the soonest. 0 or less: at any moment.

        A pin of a timeline that the replica is not on, as after a failover, ends by the clock.
        """
        if self._is_elsewhere(pin):
            return math.inf
        return pin.written_at + self._lag(pin) - now

    def likely_in(self, pin: Pin, now: float) -> float:
        """In how many seconds it is likely to have ``pin``: a question is worth its while then."""
        if self._is_elsewhere(pin):
            return math.inf
        return pin.written_at + self._arrival.age - now

    def is_far(self, pin: Pin, now: float, server: str) -> bool:
        """Whether it is so far from ``pin`` that nobody need ask: the answer is "not yet".

        ``server`` is the one that would be asked, or empty if that is not known: one alias may lead
        to several. The guess is wrong if the replica has become faster since its last answer. It is
        given no more at half of the lag after that answer, nor after three seconds.
        """
        if pin.timeline not in self._places or _has(self._places, pin):
            return False
        if server and self._server and server != self._server:
            return False
        lag = self._lag(pin)
        is_near = pin.written_at + lag - now <= max(_NEAR_SECONDS, lag * _NEAR_SHARE)
        age = now - self._answered_at
        is_far = not is_near and 0 <= age < min(lag / 2, _LONGEST_BELIEVED)
        if is_far and len(self._unasked) < _LOOKED_FOR:
            self._unasked = (*self._unasked, pin)
        return is_far

    def _is_elsewhere(self, pin: Pin) -> bool:
        """Whether the replica is known not to be on the timeline of ``pin``."""
        return bool(self._places) and pin.timeline not in self._places

    def _note_ages(self, places: Mapping[str, int], asked: Sequence[Pin], now: float) -> None:
        known = [pin for pin in asked if pin.timeline in places]
        self._arrival.note(
            lacked=[now - pin.written_at for pin in known if not _has(places, pin)],
            found=[now - pin.written_at for pin in known if _has(places, pin)],
        )

    def _lag(self, pin: Pin) -> float:
        """How late it is with ``pin``, as far as is known. It comes after all that lie before."""
        oldest = min(
            (each.written_at for each in self._lacked if _is_before(each, pin)), default=math.inf
        )
        return max(min(self._lags), self._answered_at - oldest)

    def _learn(self, least: float, most: float) -> None:
        """Note a lag from ``least`` to ``most``: somewhere between two answers it had the pin."""
        lag = min(self._lags)
        if lag < least:
            lag = min(max(least, 2 * least), most)
        elif lag > most:
            lag = most
        else:
            lag = least + (lag - least) * _FADING
        self._lags = (*self._lags[1:], lag)

    def is_hopeless(self, seconds: float, now: float) -> bool:
        """Whether nobody should wait for ``seconds`` at present. ``now`` is monotonic.

        Waits were in vain a moment ago, or the replica stands still: what is late by a second is
        seldom there within the next tenth of one.
        """
        return self._is_resting(now) or self._overdue() > _REST * seconds

    def _is_resting(self, now: float) -> bool:
        return now < self._rests_until

    def _overdue(self) -> float:
        """By how much it is later with what it lacks than with anything before. 0 if unknown."""
        slowest = max(self._lags)
        if math.isinf(slowest):
            return 0.0
        oldest = min((pin.written_at for pin in self._lacked), default=math.inf)
        return self._answered_at - oldest - slowest

    def note_wait(self, seconds: float, now: float, *, is_in_vain: bool) -> None:
        """Note how a wait of ``seconds`` has ended. ``now`` is monotonic."""
        if not is_in_vain:
            self._rest = self._rests_until = 0.0
        elif not self._is_resting(now):
            self._rest = min(max(_REST * seconds, 2 * self._rest), _LONGEST_REST)
            self._rests_until = now + self._rest

    def may_ask(self, now: float) -> bool:
        """Whether one of those who wait should ask now. The others learn from its answer."""
        if now < self._asked_at + QUESTION_SECONDS:
            return False
        self._asked_at = now
        return True


def _written_at(pin: Pin) -> float:
    return pin.written_at


def _has(places: Mapping[str, int], pin: Pin) -> bool:
    return pin.position is not None and places.get(pin.timeline, -1) >= pin.position


def _is_before(one: Pin, other: Pin) -> bool:
    places = one.position, other.position
    is_same_log = one.timeline == other.timeline and None not in places
    return is_same_log and (one.position or 0) <= (other.position or 0)
