"""For whom a request has written: for its user, too, whether anybody asked who that is or not."""

from django.http import HttpRequest

from pinning.pins import identity_rule, signed_in
from pinning.scopes.overrides import use_primary


def writers_of(request: HttpRequest, resolved: tuple[str, ...]) -> tuple[str, ...]:
    """The ids of the users for whom ``request`` wrote: those resolved, else the session's.

    It may cost a query on the primary.
    """
    if resolved or identity_rule.rule() is not None:
        return resolved
    with use_primary():
        found = signed_in(request)
    return resolved if found is None else (found,)
