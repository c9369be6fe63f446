"""What sites of all kinds share: a trace of all reads in each response, and of a task's."""

import json
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpResponseBase, JsonResponse
from django.utils.decorators import sync_and_async_middleware

from pinning import Read, carried, current_scope
from tests.notes.models import Note


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
    response.headers["X-Reads"] = json.dumps(_reads_of(current_scope()))
    if not response.streaming:  # with it the server keeps the client's thread, and its connections
        response.headers["Content-Length"] = str(len(response.content))
    return response


def _reads_of(work: Any) -> list[tuple[str, ...]]:
    return [read[:3] for read in work.trace if isinstance(read, Read)]


def note_list(texts: list[str]) -> JsonResponse:
    return JsonResponse({"notes": texts})


def report() -> dict[str, Any]:
    """What a task sees, and how it came to see it."""
    work = current_scope()
    assert work is not None
    work.trace = []
    notes = [note.text for note in Note.objects.order_by("pk")]
    _, alias, reason, _ = work.trace[-1]
    return {
        "notes": notes,
        "read": [alias, str(reason)],
        "carried": carried(),
        "is_outermost": work.parent is None,
    }
