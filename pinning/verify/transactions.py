"""Histories as transactions on keys, as checkers of databases take them. Pure.

A session's number is a key. What a request wrote and read of it is one transaction. Logins and
failed reads are left out: they say nothing about a number. A write is left out too if a larger one
had been acknowledged before it was sent. Numbers never shrink, so it changed nothing.

Where the primary lost writes, the number goes on as another key. That key's first write is what the
primary had left. A read that was under way at that moment is left out.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from pinning.verify.history import Kind, Operation


class Step(NamedTuple):
    """A write or a read of one key.

    A write whose number nobody knows has the value None. A read had to see ``least`` at least,
    whatever its session had done before.
    """

    is_write: bool
    key: str
    value: int | None
    least: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """What one request did, in the order in which it did it.

    It was done at some time between ``begun`` and ``ended``, or perhaps not at all if it is not
    ``is_sure``. The clients of a session may be at work at the same time; one client does one thing
    after the other.
    """

    session: str
    client: str
    begun: float
    ended: float
    steps: tuple[Step, ...]
    is_sure: bool = True


def transactions(history: Iterable[Operation]) -> list[Transaction]:
    """The transactions of a history, in the order in which they began."""
    sessions: dict[str, list[Operation]] = {}
    for operation in history:
        if operation.kind in _ABOUT_NUMBERS:
            sessions.setdefault(operation.session, []).append(operation)
    made = (each for operations in sessions.values() for each in _of_session(operations))
    return sorted(made, key=lambda each: each.begun)


_ABOUT_NUMBERS = {Kind.WRITE, Kind.READ, Kind.LOST}


def _of_session(operations: list[Operation]) -> Iterator[Transaction]:
    """All transactions of a session, with another key after each loss."""
    losses = sorted(
        (operation for operation in operations if operation.kind is Kind.LOST),
        key=lambda loss: loss.answered,
    )
    key = operations[0].session
    left: int | None = None
    for number, done in enumerate(_between(losses, operations)):
        if number:
            loss = losses[number - 1]
            key = f"{loss.session}, after loss {number}"
            if left is not None:
                left = min(left, loss.value or 0)
                yield _what_is_left(loss, key, left)
        writes = [each.value or 0 for each in done if _is_sure_write(each)]
        left = max([*writes, *([] if left is None else [left])], default=None)
        yield from _on_key(key, done)


def _between(losses: list[Operation], operations: list[Operation]) -> list[list[Operation]]:
    """The operations before the first loss, after it, after the second one, and so on."""
    moments = [loss.answered for loss in losses]
    eras: list[list[Operation]] = [[] for _ in range(len(losses) + 1)]
    for operation in operations:
        era = bisect_left(moments, operation.answered)
        is_read = operation.kind is Kind.READ
        if operation.kind is not Kind.LOST and not (
            is_read and bisect_left(moments, operation.sent) < era
        ):
            eras[era].append(operation)
    return eras


def _what_is_left(loss: Operation, key: str, value: int) -> Transaction:
    return Transaction(
        session=loss.session,
        client=key,
        begun=loss.answered,
        ended=loss.answered,
        steps=(Step(True, key, value),),
    )


def _is_sure_write(operation: Operation) -> bool:
    return operation.kind is Kind.WRITE and operation.is_answered


def _on_key(key: str, operations: list[Operation]) -> Iterator[Transaction]:
    requests: dict[tuple[str, float, float], list[Operation]] = {}
    for operation in _that_count(operations):
        if operation.is_answered:
            request = operation.client, operation.sent, operation.answered
            requests.setdefault(request, []).append(operation)
        else:
            yield _made(key, operation)
    for together in requests.values():
        yield from _of_request(key, together)


def _that_count(operations: list[Operation]) -> Iterator[Operation]:
    """Without failed reads, and without writes that came too late to change anything."""
    acknowledged = sorted(
        (each.answered, each.value or 0) for each in operations if _is_sure_write(each)
    )
    moments = [moment for moment, _ in acknowledged]
    largest = list(accumulate((value for _, value in acknowledged), max))
    for operation in operations:
        if operation.kind is Kind.READ:
            if operation.is_answered:
                yield operation
            continue
        before = bisect_left(moments, operation.sent)
        if operation.value is None or not before or largest[before - 1] <= operation.value:
            yield operation


def _of_request(key: str, operations: list[Operation]) -> Iterator[Transaction]:
    """One transaction if it wrote and read. The write came first if the read had to see it.

    A read that saw more than its own request had written saw what another client wrote in between.
    Then the two were no transaction.
    """
    kinds = {operation.kind: operation for operation in operations}
    if len(operations) == 2 and len(kinds) == 2:
        write, read = kinds[Kind.WRITE], kinds[Kind.READ]
        if not 0 < (write.value or 0) <= read.least:
            yield _made(key, read, write)
            return
        if (read.value or 0) <= (write.value or 0):
            yield _made(key, write, read)
            return
    for operation in operations:
        yield _made(key, operation)


def _made(key: str, *operations: Operation) -> Transaction:
    first = operations[0]
    return Transaction(
        session=first.session,
        client=first.client,
        begun=first.sent,
        ended=first.answered,
        steps=tuple(
            Step(each.kind is Kind.WRITE, key, _value(each), each.least) for each in operations
        ),
        is_sure=first.is_answered,
    )


def _value(operation: Operation) -> int | None:
    return (operation.value or 0) if operation.is_answered else operation.value
