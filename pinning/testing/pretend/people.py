"""For whom the code works that reads or writes in a test: is it one person, or are they two?

Whoever has nothing by which they can be told apart is the one for whom the test acts.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest
from django.test import AsyncClient, Client

from pinning.pins import ResolvedUsers, identity, is_session_loaded
from pinning.scopes import CarriedScope, HeldScope, RequestScope, Scope

#: Names the cookies of the test client that sends the request which is worked on.
_browser: ContextVar[int | None] = ContextVar("pinning_browser", default=None)


class Who(NamedTuple):
    """Somebody who reads or writes.

    ``names`` are all things by which they are known; none if that is nothing. ``work`` says for
    people what was done: "POST /notes/". ``kind`` is the scope's; None is outside every scope.
    """

    names: frozenset[Any]
    work: str
    kind: type[Scope] | None

    def may_be(self, other: "Who") -> bool:
        """Whether both are one person, as far as the test tells."""
        return not self.names or not other.names or bool(self.names & other.names)


def who(scope: Scope | None) -> Who:
    """Who works in ``scope``."""
    names: set[object] = {_browser.get()}
    names.discard(None)
    around, work = scope, ""
    while around is not None:
        names.update(_names_of(around))
        work = work or _work_of(around)
        around = around.parent
    if scope is None:
        return Who(frozenset(names), "code outside every scope", None)
    return Who(frozenset(names), work or "one scope", type(scope))


def _names_of(scope: Scope) -> tuple[str, ...]:
    if isinstance(scope, RequestScope):
        return identity.names_of(scope.request, _users_of(scope.request)) or ()
    return scope.holder.names() if isinstance(scope, HeldScope) else ()


def _users_of(request: HttpRequest) -> tuple[str, ...]:
    """The users that the request was seen to have. This asks no database."""
    found = ResolvedUsers(request).ids()
    if found or not is_session_loaded(request):
        return found
    user = request.session.get(SESSION_KEY)
    return () if user is None else (str(user),)


def _work_of(scope: Scope) -> str:
    if isinstance(scope, RequestScope):
        return f"{scope.request.method} {scope.request.path}"
    if isinstance(scope, CarriedScope):
        return "one task"
    return "a scope for somebody" if isinstance(scope, HeldScope) else ""


class Clients:
    """In the block, it is known which test client sends a request: each is another visitor.

    So is a client that has lost its cookies, as after its ``logout()``.
    """

    def __init__(self) -> None:
        self._cookies: dict[int, object] = {}  # by their ids, which are theirs as long as they live
        #: How many requests are worked on, in whichever context or thread.
        self.sending = 0
        self._block = ExitStack()

    def __enter__(self) -> "Clients":
        kinds: tuple[tuple[Any, Any], ...]
        kinds = (Client, self._request), (AsyncClient, self._arequest)
        for kind, make in kinds:
            self._block.callback(setattr, kind, "request", kind.request)
            setattr(kind, "request", make(kind.request))  # noqa: B010  mypy takes it for a method
        return self

    def __exit__(self, *_: object) -> None:
        self._block.close()

    def _request(self, theirs: Callable[..., Any]) -> Callable[..., Any]:
        def request(client: Client, **kwargs: Any) -> Any:
            with self._sending(client.cookies):
                return theirs(client, **kwargs)

        return request

    def _arequest(self, theirs: Callable[..., Any]) -> Callable[..., Any]:
        async def request(client: AsyncClient, **kwargs: Any) -> Any:
            with self._sending(client.cookies):
                return await theirs(client, **kwargs)

        return request

    @contextmanager
    def _sending(self, cookies: object) -> Iterator[None]:
        self._cookies[id(cookies)] = cookies
        token = _browser.set(id(cookies))
        self.sending += 1
        try:
            yield
        finally:
            self.sending -= 1
            _browser.reset(token)
