"""What the sites of both kinds share: a trace of all reads in each response."""

import json
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpResponseBase, JsonResponse
from django.utils.decorators import sync_and_async_middleware

from pinning import current_scope


@sync_and_async_middleware
def trace_reads(get_response: Any) -> Any:
    """Put the router's answers into the header X-Reads."""
    if iscoroutinefunction(get_response):

        async def middleware(request: Any) -> HttpResponseBase:
            current_scope().trace = []
            return _traced(await get_response(request))

    else:

        def middleware(request: Any) -> HttpResponseBase:
            current_scope().trace = []
            return _traced(get_response(request))

    return middleware


def _traced(response: HttpResponseBase) -> HttpResponseBase:
    response.headers["X-Reads"] = json.dumps(current_scope().trace)
    if not response.streaming:  # with it the server keeps the client's thread, and its connections
        response.headers["Content-Length"] = str(len(response.content))
    return response


def note_list(texts: list[str]) -> JsonResponse:
    return JsonResponse({"notes": texts})
