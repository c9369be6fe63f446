"""Visitors of a view, with the middleware around it."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync, iscoroutinefunction
from django.test import RequestFactory

from pinning import Read, current_scope
from pinning.middleware import PinningMiddleware
from tests.test_middleware import cookies_after


def get(view: Callable[..., Any], data: Any = None, **headers: str) -> Any:
    """The response, with the answers of the router as ``reads``: alias and reason."""
    return _send(view, RequestFactory().get("/", data, headers=headers))


def post(view: Callable[..., Any], data: Any = None, **headers: str) -> Any:
    """The same."""
    return _send(view, RequestFactory().post("/", data, headers=headers))


def reasons(response: Any) -> list[str]:
    """Why its reads went where they went."""
    return [reason for _, reason in response.reads]


def has_pinned(response: Any) -> bool:
    """Whether the visitor has a pin in a cookie now."""
    return any(name.startswith("pinning.") for name in cookies_after(response))


def _send(view: Callable[..., Any], request: Any) -> Any:
    reads: list[tuple[str, str]] = []
    call = async_to_sync(view) if iscoroutinefunction(view) else view

    def traced(request: Any) -> Any:
        work = current_scope()
        assert work is not None
        work.trace = []
        response = call(request)
        if not getattr(response, "is_rendered", True):
            response.render()
        reads.extend((read.alias, read.reason) for read in work.trace if isinstance(read, Read))
        return response

    response = PinningMiddleware(traced)(request)
    response.reads = reads  # type: ignore[attr-defined]
    return response
