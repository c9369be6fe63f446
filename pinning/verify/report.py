"""What a verdict says to a person."""

from collections import Counter
from collections.abc import Collection, Iterator

from pinning.scopes import ON_REPLICA, Reason
from pinning.verify.checker import Verdict, WrongRead
from pinning.verify.history import NO_ANSWER, Kind, Operation

#: Wrong reads and failed requests that are told in full.
_TOLD = 5

_REASONS = {reason.value: reason for reason in Reason}


def report(verdict: Verdict) -> str:
    """All of it, in lines."""
    return "\n".join(_lines(verdict))


def summary(verdict: Verdict) -> str:
    """One sentence: whether it is good."""
    if verdict.is_good:
        return f"Reads after a write: {_number(verdict.pairs)}. Each saw it."
    parts = []
    if verdict.stale:
        parts.append(f"Stale: {_number(verdict.stale)} of {_number(verdict.pairs)} reads.")
    if verdict.failed:
        parts.append(f"Failed: {_number(verdict.failed)} requests.")
    return " ".join(parts)


def objection(verdict: Verdict, primaries: Collection[str] = ("default",)) -> str:
    """Why the verdict proves nothing about replicas; empty if it does."""
    aliases = {alias for alias, _ in verdict.served if alias}
    if not aliases or aliases - set(primaries):
        return ""
    reasons = Counter({reason: count for (_, reason), count in verdict.served.items()})
    most = reasons.most_common(1)[0][0]
    known = {reason.value: reason.explanation for reason in Reason}
    known |= dict.fromkeys(ON_REPLICA, "the site is in shadow mode")
    because = f" Mostly because {known[most]}." if most in known else ""
    return f"This proves nothing: the primary served every read, and it cannot be stale.{because}"


def _lines(verdict: Verdict) -> Iterator[str]:
    yield f"{_number(verdict.operations)} requests in {verdict.seconds:.0f} s"
    yield f"{_number(verdict.writes)} acknowledged writes, {_number(verdict.reads)} reads"
    yield f"{_number(verdict.pairs)} of these reads came after a write of the same session"
    yield ""
    yield f"stale reads       {_number(verdict.stale)}"
    yield f"failed requests   {_number(verdict.failed)}"
    if verdict.went_back:
        yield (
            f"reads that went back on a write that was not acknowledged yet: "
            f"{_number(verdict.went_back)} (not promised, see docs/verify.md)"
        )
    yield ""
    yield from _shares(verdict)
    for wrong in verdict.first_stale[:_TOLD]:
        yield ""
        yield from _wrong(wrong)
    for operation in verdict.first_failed[:_TOLD]:
        yield ""
        yield _failed(operation)


def _shares(verdict: Verdict) -> Iterator[str]:
    for (alias, reason), count in verdict.served.most_common():
        share = 100 * count / verdict.reads
        yield f"{share:5.1f} %  {alias or '(not told)':12} {reason}"


def _wrong(wrong: WrongRead) -> Iterator[str]:
    read, write = wrong.read, wrong.evidence
    if write is read:
        yield f"{read.client} had to see {read.least} in the same request, and saw {read.value},"
        yield f"from {read.alias or 'somewhere'} because: {_why(read.reason)}"
        return
    late = f"{(read.sent - write.answered) * 1000:.1f} ms later"
    lost = " (and the primary lost what came after)" if write.kind is Kind.LOST else ""
    by = "" if read.client == write.client else f" by {read.client}"
    yield f"{write.client} wrote {write.value}, acknowledged at {write.answered:.3f} s{lost};"
    yield f"a read sent {late}{by} saw {read.value},"
    yield f"from {read.alias or 'somewhere'} because: {_why(read.reason)}"


def _why(reason: str) -> str:
    return _REASONS[reason].told if reason in _REASONS else f"nobody told ({reason or '?'})"


def _failed(operation: Operation) -> str:
    status = operation.status
    what = "nobody answered" if status == NO_ANSWER else f"status {status}"
    seconds = operation.answered - operation.sent
    return f"a {operation.kind} of {operation.client} failed after {seconds:.1f} s: {what}"


def _number(count: int) -> str:
    return f"{count:,}"
