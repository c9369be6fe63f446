"""How old a write is when a replica has it, as a rule: who waits asks then, and asks once."""

import math
from collections.abc import Iterable

#: After a question that came too early the next one comes so much later, and twice as much later
#: after each further one.
_LATER_SECONDS, _MOST_DOUBLED = 0.001, 3

#: After a question that found the write, the next one comes so much sooner, and after the second
#: one in a row twice as much. So about one question in ten comes too early.
_SOONER_SECONDS = 0.00002

#: What comes this soon after it was expected was asked for because it was expected.
_AT_ONCE_SECONDS = 0.001


class Arrival:
    """The age at which a write is asked for. It follows what the replica does.

    An age is by two clocks that may differ. So ages are compared with ages, and never multiplied.
    """

    __slots__ = ("_found", "_missed", "age")

    def __init__(self) -> None:
        #: In seconds. At first a write may be there at any age.
        self.age = -math.inf
        self._found = self._missed = 0  # in a row

    def note(self, lacked: Iterable[float], found: Iterable[float]) -> None:
        """Note how old the writes were that an answer ``lacked``, and those that it ``found``."""
        oldest, youngest = max(lacked, default=-math.inf), min(found, default=math.inf)
        if oldest >= self.age and oldest > -math.inf:
            self.age = oldest + _LATER_SECONDS * 2 ** min(self._missed, _MOST_DOUBLED)
            self._found, self._missed = 0, self._missed + 1
        elif youngest < self.age:
            self.age = youngest
            self._missed = 0
        elif youngest < self.age + _AT_ONCE_SECONDS:
            self._found, self._missed = self._found + 1, 0
            self.age -= self._found * _SOONER_SECONDS
