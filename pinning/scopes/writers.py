"""For whom a request has written: for its user, too, whether anybody asked who that is or not.

A request may write for one user and end as another: it signs out, or acts in another's name. So the
session is asked before writes as well as at the end.
"""

from django.http import HttpRequest

from pinning.pins import identity, signed_in
from pinning.scopes.overrides import use_primary


def session_users(request: HttpRequest) -> tuple[str, ...]:
    """The id of the user whom the session of ``request`` names, if any and if our names count.

    It may cost a query on the primary.
    """
    with use_primary():
        found = signed_in(request) if identity.has_built_in(request) else None
    return () if found is None else (found,)
