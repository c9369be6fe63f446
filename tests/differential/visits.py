"""Opens the scope of a visit around its steps, and keeps what the visitor takes along."""

import contextvars
import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, RequestFactory

from pinning import carried, scope
from pinning.middleware import PinningMiddleware
from tests.differential.sides import Side
from tests.differential.told import Call, Told


def _on_a_loop(function: Callable[..., Any]) -> Callable[..., None]:
    """In a context of its own, in which asgiref leaves what each event loop had."""
    return functools.partial(contextvars.copy_context().run, async_to_sync(function))


class Visits(ABC):
    """Each call is a visit: what its steps tell is added to ``told``."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._texts: dict[int, str] = {}
        self._jars: dict[int, dict[str, str]] = {}

    @abstractmethod
    def __call__(self, visitor: int, calls: list[Call], told: list[Told]) -> None:
        """Visit, in a scope that has the visitor's pins, and keep those that it leaves."""


class InText(Visits):
    """Pins go from visit to visit as ``carried()`` gives them."""

    def __call__(self, visitor: int, calls: list[Call], told: list[Told]) -> None:
        text = self._texts.get(visitor)
        with scope(carried=text) if text else scope():
            told.extend(self._side.steps(visitor, calls))
            self._texts[visitor] = carried()


class InTextOnALoop(Visits):
    """The same by ``async with``."""

    def __call__(self, visitor: int, calls: list[Call], told: list[Told]) -> None:
        _on_a_loop(self._visit)(visitor, calls, told)

    async def _visit(self, visitor: int, calls: list[Call], told: list[Told]) -> None:
        text = self._texts.get(visitor)
        async with scope(carried=text) if text else scope():
            told.extend([each async for each in self._side.asteps(visitor, calls)])
            self._texts[visitor] = carried()


class InCookies(Visits):
    """Each visit is a request, and pins go in a cookie."""

    def __call__(self, visitor: int, calls: list[Call], told: list[Told]) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            told.extend(self._side.steps(visitor, calls))
            return HttpResponse()

        request = RequestFactory().get("/")
        request.COOKIES.update(self._jars.get(visitor, {}))
        self._keep(visitor, PinningMiddleware(view)(request))

    def _keep(self, visitor: int, response: HttpResponse) -> None:
        jar = self._jars.setdefault(visitor, {})
        jar.update({name: morsel.value for name, morsel in response.cookies.items()})


class InCookiesOnALoop(InCookies):
    """The same under ASGI."""

    def __call__(self, visitor: int, calls: list[Call], told: list[Told]) -> None:
        _on_a_loop(self._visit)(visitor, calls, told)

    async def _visit(self, visitor: int, calls: list[Call], told: list[Told]) -> None:
        async def view(request: HttpRequest) -> HttpResponse:
            told.extend([each async for each in self._side.asteps(visitor, calls)])
            return HttpResponse()

        request = AsyncRequestFactory().get("/")
        request.COOKIES.update(self._jars.get(visitor, {}))
        self._keep(visitor, await PinningMiddleware(view)(request))


_KINDS: dict[tuple[bool, bool], type[Visits]] = {
    (False, False): InText,
    (False, True): InTextOnALoop,
    (True, False): InCookies,
    (True, True): InCookiesOnALoop,
}


def visits(side: Side, *, in_cookies: bool, is_async: bool) -> Visits:
    """Those of a program."""
    return _KINDS[in_cookies, is_async](side)
