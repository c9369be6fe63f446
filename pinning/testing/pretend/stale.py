"""One stale read as a value, and the words for it."""

from typing import NamedTuple

from pinning.scopes import CarriedScope, HeldScope, Reason, RequestScope
from pinning.testing.pretend.people import Who
from pinning.testing.pretend.writes import Change


class StaleRead(NamedTuple):
    """A read that production may answer without ``change``, which was made for the same person.

    ``reason`` says why it went to the replica ``alias``. None: the code has named the replica.
    ``line`` is ``file:line``.
    """

    model: str
    alias: str
    reason: Reason | None
    line: str
    who: Who
    change: Change

    def __str__(self) -> str:
        change = self.change
        why = "the code has named it" if self.reason is None else self.reason.told
        return (
            f"{self.who.work} read {self.model} at {self.line or '?'} from {self.alias!r}, because "
            f"{why}. It lacks what {change.who.work} wrote at {change.line or '?'} "
            f"({change.statement} of {change.model}). {self.help}"
        )

    @property
    def help(self) -> str:
        """What to do about it."""
        return f"{_help(self)} If old rows are fine here, say so by use_replica()."


def summary(reads: int, stale: int, eventual: int, allowed: int, kept: int) -> str:
    """How many reads a test or a suite had, and what they were."""
    return (
        f"{reads} reads would have gone to replicas, {stale} would have been stale. "
        f"{eventual} lacked what somebody else had written, and {allowed} may be old. "
        f"{kept} stayed on the primary, because their user had written."
    )


class StaleReadError(AssertionError):
    """A read that production may answer with old rows. Raised where the code reads."""


class StaleReadWarning(UserWarning):
    """The same, as a warning."""


def _help(read: StaleRead) -> str:
    writer, reader = read.change.who, read.who
    if read.reason is None:
        return "The code has named the replica: let the router choose, or name the primary."
    if writer.kind is None:
        return (
            "It was written outside every scope, so nobody is pinned. Give a thread the scope of "
            "its caller by in_scope(), and other work a scope by scope(identity=user)."
        )
    if reader.kind is CarriedScope:
        return (
            "The task has no pin for it. Queue it in a scope and after the commit, and let it bring"
            " carried() along."
        )
    if reader.kind is HeldScope:
        return (
            "The scope did not know of it. Open one for each message, and not for each connection; "
            "and keep pins on a server, by STORES."
        )
    if reader.kind is RequestScope and writer.kind is RequestScope:
        return (
            "The client that asked did not bring the pin along. Keep pins on a server too, by "
            "STORES; write before the response leaves; or read in use_primary()."
        )
    return (
        "Nothing says that both are for one person. Do both in one scope; open both by "
        "scope(identity=user); pass the pin on by carried() and take_carried(); or read in "
        "use_primary()."
    )
