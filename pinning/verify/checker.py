"""The checker: which reads of a history were wrong. Pure, and linear but for putting it in order.

A read is *stale* if it saw less than the largest value of its session whose write had been
acknowledged when the read was sent. That needs no search and gives no false alarm: a write that
was answered with an error, or not at all, may have been done or not, and counts as not done; and
what was acknowledged only after the read was sent need not be seen. Nor may it see less than its
``least``: what the same request had written before, or the primary had under the same lock.

A read *went back* if it saw less than an earlier read of the session, of what nobody had
acknowledged by then: a write that was still under way, or one whose end nobody knows. ``pinning``
promises nothing about these. Every other read that goes back is a stale one.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from pinning.verify.history import Kind, Operation

T = TypeVar("T")

#: How many wrong reads and failed requests are kept in full.
MOST_KEPT = 20


class EmptyHistoryError(ValueError):
    """A history that proves nothing, as no acknowledged write was followed by a read."""


@dataclass(frozen=True, slots=True)
class WrongRead:
    """A read that saw too little, and what shows it: a write, or the read's own ``least``."""

    read: Operation
    evidence: Operation


@dataclass(slots=True)
class Verdict:
    """What a history shows. ``pairs`` are the reads that came after an acknowledged write."""

    operations: int = 0
    writes: int = 0
    reads: int = 0
    pairs: int = 0
    stale: int = 0
    went_back: int = 0
    failed: int = 0
    seconds: float = 0.0
    first_stale: list[WrongRead] = field(default_factory=list)
    first_failed: list[Operation] = field(default_factory=list)
    served: Counter[tuple[str, str]] = field(default_factory=Counter)  # by alias and reason
    #: By the ways of the write and of the read.
    pairs_by_ways: Counter[tuple[str, str]] = field(default_factory=Counter)
    stale_by_ways: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def is_good(self) -> bool:
        """Whether no read was stale and no request failed."""
        return not (self.stale or self.failed)


def check(operations: Iterable[Operation]) -> Verdict:
    """Judge a whole history, in whatever order. Raises EmptyHistoryError."""
    history = list(operations)
    verdict = Verdict()
    if history:
        ended = max(operation.answered for operation in history)
        verdict.seconds = ended - min(operation.sent for operation in history)
    sessions: dict[str, _Session] = {}
    for _, is_sent, operation in _moments(history):
        session = sessions.setdefault(operation.session, _Session())
        if is_sent:
            session.send(operation)
        else:
            session.answer(operation, verdict)
    if not verdict.pairs:
        raise EmptyHistoryError(_why_empty(verdict))
    return verdict


def _moments(history: list[Operation]) -> list[tuple[float, bool, Operation]]:
    """When each was sent and answered, in order; of one moment the answers come first.

    What was answered then had been answered when the next was sent; but a request that took no time
    at all was sent before it was answered.
    """
    moments = [(operation.sent, True, operation) for operation in history]
    moments += [(operation.answered, False, operation) for operation in history]

    def order(moment: tuple[float, bool, Operation]) -> tuple[float, int]:
        at, is_sent, operation = moment
        return at, 1 if is_sent else 2 * (operation.sent == operation.answered)

    return sorted(moments, key=order)


class _Session:
    """What is known of one session at one moment."""

    def __init__(self) -> None:
        self._acknowledged: Operation | None = None  # the largest
        self._seen: Operation | None = None
        self._open: dict[int, tuple[Operation | None, Operation | None]] = {}  # by the read

    def send(self, operation: Operation) -> None:
        if operation.kind is Kind.READ:
            self._open[id(operation)] = (self._acknowledged, self._seen)

    def answer(self, operation: Operation, verdict: Verdict) -> None:
        if operation.kind is Kind.LOST:
            self._lose(operation)
            return
        verdict.operations += 1
        if not operation.is_answered:
            self._open.pop(id(operation), None)
            _keep(verdict.first_failed, operation)
            verdict.failed += 1
        elif operation.kind is Kind.WRITE:
            verdict.writes += 1
            self._acknowledged = _larger(self._acknowledged, operation)
        elif operation.kind is Kind.READ:
            self._judge(operation, verdict)
            self._seen = _larger(self._seen, operation)

    def _judge(self, read: Operation, verdict: Verdict) -> None:
        verdict.reads += 1
        verdict.served[read.alias, read.reason] += 1
        acknowledged, seen = self._open.pop(id(read))
        evidence = read if read.least > _value(acknowledged) else acknowledged
        if evidence is not None:
            ways = evidence.way, read.way
            verdict.pairs += 1
            verdict.pairs_by_ways[ways] += 1
            if _value(read) < max(read.least, _value(acknowledged)):
                verdict.stale += 1
                verdict.stale_by_ways[ways] += 1
                _keep(verdict.first_stale, WrongRead(read, evidence))
                return
        if seen is not None and _value(read) < _value(seen):
            verdict.went_back += 1

    def _lose(self, loss: Operation) -> None:
        """From now on nobody can have more than the primary: also reads that are under way."""
        self._acknowledged = _smaller(self._acknowledged, loss)
        self._seen = _smaller(self._seen, loss)
        self._open = {
            read: (_smaller(acknowledged, loss), _smaller(seen, loss))
            for read, (acknowledged, seen) in self._open.items()
        }


def _larger(known: Operation | None, new: Operation) -> Operation:
    return new if known is None or _value(new) > _value(known) else known


def _smaller(known: Operation | None, loss: Operation) -> Operation | None:
    return loss if known is not None and _value(loss) < _value(known) else known


def _value(operation: Operation | None) -> int:
    return 0 if operation is None else operation.value or 0


def _keep(kept: list[T], new: T) -> None:
    if len(kept) < MOST_KEPT:
        kept.append(new)


def _why_empty(verdict: Verdict) -> str:
    if not verdict.operations:
        return "The history is empty: nobody did anything."
    failed = ""
    if verdict.first_failed:
        first = verdict.first_failed[0]
        failed = f" Requests that failed: {verdict.failed}, the first with status {first.status}."
    if not verdict.writes:
        return f"No write was acknowledged, so no read could miss one.{failed}"
    return f"No read came after an acknowledged write of the same session.{failed}"
