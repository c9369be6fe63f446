"""Histories of a simulated site on a replica that lags: good, with mistakes, and changed ones."""

import heapq
import itertools
import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from pinning.verify.history import NO_ANSWER, Kind, Operation

CLIENTS = 2


@dataclass
class Number:
    """A session's number on the primary: when it had which value, and what was acknowledged."""

    times: list[float] = field(default_factory=lambda: [0.0])
    values: list[int] = field(default_factory=lambda: [0])
    acknowledged: list[tuple[float, int]] = field(default_factory=list)
    next_value: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def at(self, moment: float) -> int:
        return self.values[bisect_right(self.times, moment) - 1]

    def write(self, value: int, moment: float) -> None:
        if value > self.values[-1]:
            self.times.append(moment)
            self.values.append(value)

    def promised(self, sent: float) -> int:
        done = (value for answered, value in self.acknowledged[-8:] if answered <= sent)
        return max(done, default=0)


def history(
    operations: int, seed: int, *, mistakes: float = 0.0, sessions: int = 8
) -> list[Operation]:
    """About so many operations. Of the reads on the replica, that share has no pin."""
    chance = random.Random(seed)
    numbers = [Number() for _ in range(sessions)]
    made: list[Operation] = []
    # When each client's next request is done, and when it was sent.
    queue = [(chance.random(), n, hand, 0.0) for n in range(sessions) for hand in range(CLIENTS)]
    heapq.heapify(queue)
    while len(made) < operations:
        moment, n, hand, sent = heapq.heappop(queue)
        answered = moment + chance.expovariate(100)
        facts = {"session": f"user {n}", "client": f"user {n} ({hand})", "sent": sent}
        made += _request(chance, numbers[n], moment, mistakes, {**facts, "answered": answered})
        sent = answered + (chance.expovariate(20) if chance.random() < 0.5 else 1e-6)
        heapq.heappush(queue, (sent + chance.expovariate(100), n, hand, sent))
    return made


def _request(
    chance: random.Random, number: Number, moment: float, mistakes: float, facts: dict
) -> Iterator[Operation]:
    drawn = chance.random()
    if drawn < 0.01:
        yield Operation(kind=Kind.LOGIN, **facts)
    elif drawn < 0.3:
        value = next(number.next_value)
        is_lost, is_done = chance.random() < 0.03, chance.random() < 0.5
        if is_done or not is_lost:
            number.write(value, moment)
        status = chance.choice([500, NO_ANSWER]) if is_lost else 200
        yield Operation(kind=Kind.WRITE, value=value, status=status, **facts)
        if not is_lost:
            number.acknowledged.append((facts["answered"], value))
            if drawn < 0.03:
                seen = number.at(moment - (chance.random() < mistakes))
                yield Operation(kind=Kind.READ, value=seen, least=value, **facts)
    else:
        seen = number.at(moment - chance.expovariate(5))
        if seen < number.promised(facts["sent"]) and chance.random() >= mistakes:
            seen = number.at(moment)
        status = 500 if drawn > 0.99 else 200
        yield Operation(kind=Kind.READ, value=seen, status=status, **facts)


def changed(history: list[Operation], chance: random.Random) -> list[Operation]:
    """The same with a few operations changed, gone, doubled or in another place."""
    made = list(history)
    for _ in range(chance.randint(1, 12)):
        place = chance.randrange(len(made))
        made[place : place + 1] = chance.choice(_CHANGES)(made[place], chance)
        if not made:
            return list(history)
    return made


def _value(operation: Operation, chance: random.Random) -> list[Operation]:
    value = max(0, (operation.value or 0) + chance.choice([-3, -1, 1, 3]))
    return [replace(operation, value=None if operation.kind is Kind.LOGIN else value)]


def _time(operation: Operation, chance: random.Random) -> list[Operation]:
    seconds = chance.gauss(0, 0.2)
    return [
        replace(operation, sent=operation.sent + seconds, answered=operation.answered + seconds)
    ]


def _instant(operation: Operation, chance: random.Random) -> list[Operation]:
    return [replace(operation, answered=operation.sent)]


def _outcome(operation: Operation, chance: random.Random) -> list[Operation]:
    return [replace(operation, status=chance.choice([200, 500, NO_ANSWER]))]


def _least(operation: Operation, chance: random.Random) -> list[Operation]:
    if operation.kind is not Kind.READ:
        return [operation]
    return [replace(operation, least=max(0, (operation.value or 0) + chance.randint(-1, 1)))]


def _kind(operation: Operation, chance: random.Random) -> list[Operation]:
    kind = {Kind.WRITE: Kind.READ, Kind.READ: Kind.WRITE}.get(operation.kind, operation.kind)
    return [replace(operation, kind=kind, least=0)]


def _session(operation: Operation, chance: random.Random) -> list[Operation]:
    return [replace(operation, session=f"user {chance.randrange(3)}")]


def _gone(operation: Operation, chance: random.Random) -> list[Operation]:
    return []


def _twice(operation: Operation, chance: random.Random) -> list[Operation]:
    return [operation, *_time(operation, chance)]


_CHANGES = (_value, _time, _instant, _outcome, _least, _kind, _session, _gone, _twice)
