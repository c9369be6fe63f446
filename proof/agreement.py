"""Whether the two checkers say the same of a history."""

from collections.abc import Iterable

from pinning.verify.checker import Verdict
from pinning.verify.history import Kind, Operation
from pinning.verify.transactions import transactions
from proof.guarantees import Guarantee, check


def disagreement(history: Iterable[Operation], verdict: Verdict) -> str:
    """In which counts the second checker differs from the first one's verdict; empty if in none.

    Stale reads are those that break *read your writes*. Reads that went back are those that break
    *monotonic reads* alone. They are not compared where the primary lost writes: for the second
    checker a number that was seen before a loss is another key. The first checker says nothing of
    the other two guarantees. In a history of ours each transaction has one key, and its numbers
    grow: so they cannot be broken, unless the history is wrong.
    """
    known = list(history)
    findings = check(transactions(known))
    compared = {
        "pairs": (verdict.pairs, findings.pairs),
        "stale": (verdict.stale, findings.count(Guarantee.READ_YOUR_WRITES)),
    }
    if not any(operation.kind is Kind.LOST for operation in known):
        compared["went back"] = (verdict.went_back, findings.went_back)
    return ", ".join(
        f"{what}: {first} and {second}"
        for what, (first, second) in compared.items()
        if first != second
    )
