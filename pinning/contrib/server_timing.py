"""A middleware that tells developers in a ``Server-Timing`` header where a response was read.

Put ``"pinning.contrib.server_timing.ServerTimingMiddleware"`` after ``PinningMiddleware``.
"""

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_cache_control

from pinning.pins import is_open
from pinning.scopes import Scope, current_scope

#: So that the header stays below 2 KB: proxies refuse an answer whose headers are too large.
_MOST_CLUSTERS = 4

#: What a quoted text of a header cannot hold as it is.
_UNQUOTABLE = re.compile(r'[^ -~]|["\\]')


class ServerTimingMiddleware:
    """Counts the reads by reason, for each cluster, and how long they have waited.

    It does so while DEBUG is on, and otherwise for members of the staff whom the view, or other
    code, has resolved. It never resolves the user itself: that costs queries, and would be a read
    of its own.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        """Take the next middleware or the view, which may be asynchronous."""
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Answer ``request``, and tell. What a body reads that streams comes too late."""
        if self._is_async:
            return self.__acall__(request)
        return _told(request, self.get_response(request))

    async def __acall__(self, request: HttpRequest) -> Any:
        """Like ``__call__``. It waits for nothing else."""
        return _told(request, await self.get_response(request))


def _told(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    scope = current_scope()
    if scope is not None and (settings.DEBUG or _is_for_staff(request)):
        ours = list(itertools.islice(_entries(scope), _MOST_CLUSTERS))
        if ours:
            others = response.get("Server-Timing")
            response["Server-Timing"] = ", ".join([*([others] if others else []), *ours])
            patch_cache_control(response, private=True)  # it is for this reader alone
    return response


def _is_for_staff(request: HttpRequest) -> bool:
    """Whether the request's user is known by now, and one of the staff."""
    known = vars(request)
    user = known.get("user")
    if is_open(user):  # awaited by ``auser``, which leaves ``user`` as it is, or not at all
        user = known.get("_acached_user")
    return bool(getattr(user, "is_active", False) and getattr(user, "is_staff", False))


def _entries(scope: Scope) -> Iterator[str]:
    """One for each cluster, as https://www.w3.org/TR/server-timing/ writes them."""
    waited = scope.waited
    for cluster, reads in scope.reads.items():
        if reads:
            counts = " ".join(f"{reason}={times}" for reason, times in reads.items())
            text = _UNQUOTABLE.sub("?", f"{cluster}: {counts}")
            seconds = waited.get(cluster, 0.0)
            yield f'pinning;desc="{text}"' + (f";dur={1000 * seconds:.1f}" if seconds else "")
