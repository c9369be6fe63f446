"""A second checker: the four session guarantees by their definitions, for transactions on any keys.

It shares nothing with `pinning.verify.checker`, which follows each session through time. Here two
things are laid down first: the order of a key's versions, which is that of its numbers, and what a
session had written and read by any moment. Then each step is held against the definitions (D. Terry
and others, "Session Guarantees for Weakly Consistent Replicated Data", 1994):

- *read your writes*: a read sees all that its session wrote before;
- *monotonic reads*: a read sees all that its session saw before;
- *monotonic writes*: a session's write comes after all that the session wrote before, in the order
  of versions, and for everybody who sees it;
- *writes follow reads*: a session's write comes after all that the session saw before, likewise.

*Before* means that the one had ended when the other began. Whoever sees a write and reads another
key in the same transaction shows whether the last two hold across keys. What follows from several
writes of several sessions in a row, causal consistency, is more than the four, and is not checked.

A write of unknown outcome demands nothing, but whoever saw it has seen it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate

from pinning.verify.transactions import Step, Transaction


class Guarantee(StrEnum):
    """What a session is promised."""

    READ_YOUR_WRITES = "read your writes"
    MONOTONIC_READS = "monotonic reads"
    MONOTONIC_WRITES = "monotonic writes"
    WRITES_FOLLOW_READS = "writes follow reads"


@dataclass(frozen=True, slots=True)
class Broken:
    """A step, and what it breaks."""

    transaction: Transaction
    step: Step
    guarantees: frozenset[Guarantee]


@dataclass(slots=True)
class Findings:
    """What is broken. ``pairs`` are the reads for which there was a write to see."""

    pairs: int = 0
    broken: list[Broken] = field(default_factory=list)

    def count(self, guarantee: Guarantee) -> int:
        """How many steps break it."""
        return sum(guarantee in each.guarantees for each in self.broken)

    @property
    def went_back(self) -> int:
        """Reads that are not monotonic, and yet see all that their session wrote."""
        return sum(
            Guarantee.MONOTONIC_READS in each.guarantees
            and Guarantee.READ_YOUR_WRITES not in each.guarantees
            for each in self.broken
        )


def check(transactions: Iterable[Transaction]) -> Findings:
    """Hold each step of a history against the four guarantees."""
    history = list(transactions)
    known = _Known(history)
    findings = Findings()
    for transaction in history:
        for place, step in enumerate(transaction.steps):
            if step.is_write:
                found = _broken_by_write(known, transaction, place) if transaction.is_sure else ()
            else:
                findings.pairs += known.must_see(transaction, place) is not None
                found = _broken_by_read(known, transaction, place)
            if guarantees := frozenset(found):
                findings.broken.append(Broken(transaction, step, guarantees))
    return findings


def _broken_by_read(known: "_Known", reader: Transaction, place: int) -> Iterator[Guarantee]:
    step = reader.steps[place]
    if _is_older(step, known.must_see(reader, place)):
        yield Guarantee.READ_YOUR_WRITES
    if _is_older(step, known.seen(reader, step.key, place)):
        yield Guarantee.MONOTONIC_READS
    for other in reader.steps:
        writer = known.writer(other)
        if other.is_write or other.key == step.key or writer in (None, reader):
            continue
        # The reader has seen this write. So it must see what the writer had done before.
        if _is_older(step, known.written(writer, step.key)):
            yield Guarantee.MONOTONIC_WRITES
        if _is_older(step, known.seen(writer, step.key, len(writer.steps))):
            yield Guarantee.WRITES_FOLLOW_READS


def _broken_by_write(known: "_Known", writer: Transaction, place: int) -> Iterator[Guarantee]:
    step = writer.steps[place]
    if _is_older(step, known.written(writer, step.key, place)):
        yield Guarantee.MONOTONIC_WRITES
    if _is_older(step, known.seen(writer, step.key, place)):
        yield Guarantee.WRITES_FOLLOW_READS


def _is_older(step: Step, version: int | None) -> bool:
    return version is not None and (step.value or 0) < version


class _Known:
    """Which versions a session had written and seen when a transaction began; who wrote which."""

    def __init__(self, history: list[Transaction]) -> None:
        done: dict[tuple[str, str, bool], list[tuple[float, bool, int]]] = {}
        self._writers: dict[tuple[str, int | None], Transaction] = {}
        for each in history:
            for step in each.steps:
                if step.is_write:
                    self._writers[step.key, step.value] = each
                if each.is_sure:
                    moment = each.ended, each.begun == each.ended, step.value or 0
                    done.setdefault((each.session, step.key, step.is_write), []).append(moment)
        self._largest = {name: _Largest(moments) for name, moments in done.items()}

    def writer(self, step: Step) -> Transaction | None:
        """Who wrote the version that a step is about."""
        return self._writers.get((step.key, step.value))

    def must_see(self, reader: Transaction, place: int) -> int | None:
        """What a read must see for its session's writes, and for what it must see in any case."""
        step = reader.steps[place]
        return _larger(self.written(reader, step.key, place), step.least or None)

    def written(self, by: Transaction, key: str, place: int = 0) -> int | None:
        """The largest version of a key that a session had written before a transaction's step."""
        return self._before(by, key, place, is_write=True)

    def seen(self, by: Transaction, key: str, place: int = 0) -> int | None:
        """The largest version of a key that a session had seen before a transaction's step."""
        return self._before(by, key, place, is_write=False)

    def _before(self, by: Transaction, key: str, place: int, *, is_write: bool) -> int | None:
        largest = self._largest.get((by.session, key, is_write))
        found = None if largest is None else largest.before(by.begun)
        for step in by.steps[:place]:
            if (step.key, step.is_write) == (key, is_write):
                found = _larger(found, step.value)
        return found


class _Largest:
    """The largest version among those that were there by a moment."""

    def __init__(self, moments: list[tuple[float, bool, int]]) -> None:
        moments.sort()
        self._moments = [(ended, is_instant) for ended, is_instant, _ in moments]
        self._largest = list(accumulate((version for _, _, version in moments), max))

    def before(self, begun: float) -> int | None:
        """None if nothing was. Of what took no time, none was before the moment when it ended."""
        count = bisect_right(self._moments, (begun, False))
        return self._largest[count - 1] if count else None


def _larger(one: int | None, other: int | None) -> int | None:
    return max((each for each in (one, other) if each is not None), default=None)
