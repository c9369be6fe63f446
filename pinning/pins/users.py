"""The user of a request, as far as something has resolved it. Nothing here resolves it.

To ask ``request.user`` costs two queries and comes before the view's own reads, so that a stale
session row would be taken for good. Django resolves it when somebody asks; REST framework and
django-ninja do inside the view, and put a plain object on the request.
"""

import inspect
from typing import Any

from django.http import HttpRequest
from django.utils.functional import LazyObject, empty

#: Where a request has its user. The second and third are what ``request.user`` and
#: ``request.auser()`` of Django's middleware gave, and stay there after a logout. django-ninja puts
#: what its authentication returned into the last.
_PLACES = ("user", "_cached_user", "_acached_user", "auth")

#: The ids of nobody: one object, as ids are compared by ``is``.
NOBODY: tuple[str, ...] = ()

_NOTHING = object()


def id_of(user: object) -> str | None:
    """The id of ``user``; None for nobody, for what is no user, and for one not resolved yet."""
    user = _unwrapped(user)
    if not inspect.getattr_static(user, "is_authenticated", False):
        return None  # looked at without touching it: it may be lazy in a way of its own
    pk = getattr(user, "pk", None)
    return str(pk) if pk is not None and getattr(user, "is_authenticated", False) else None


def is_open(user: object) -> bool:
    """Whether ``user`` is lazy and not resolved yet."""
    return _unresolved(user) is not None


class ResolvedUsers:
    """The ids of all users that a request was seen to have, for the router to ask at each read.

    More than one where somebody acts in the name of another, or after a login or logout.
    """

    __slots__ = ("_auth", "_ids", "_lazy", "_request", "_size", "_user")

    def __init__(self, request: HttpRequest) -> None:
        """Look at ``request`` whenever asked; at nothing before."""
        self._request: dict[str, Any] = vars(request)
        self._ids = NOBODY
        self._size = 0
        self._lazy: dict[str, Any] | None = None
        self._user: object = None
        self._auth: object = _NOTHING

    def ids(self) -> tuple[str, ...]:
        """Those seen so far: the same object for as long as nobody new has come.

        Every read pays for this. An attribute that is new on the request shows in their number;
        those that may also be replaced are compared.
        """
        request, lazy = self._request, self._lazy
        if (
            len(request) == self._size
            and request.get("user") is self._user
            and (lazy is None or lazy["_wrapped"] is empty)
            and (self._auth is _NOTHING or request.get("auth") is self._auth)
        ):
            return self._ids
        return self._look()

    def forget(self) -> None:
        """Let go of the request; the ids stay."""
        self._request = {}
        self._look()

    def _look(self) -> tuple[str, ...]:
        request = self._request
        size, user, auth = len(request), request.get("user"), request.get("auth", _NOTHING)
        lazy = _unresolved(user)
        found = {id_: None for id_ in map(id_of, map(request.get, _PLACES)) if id_ is not None}
        if not found.keys() <= set(self._ids):
            self._ids = tuple(dict.fromkeys((*self._ids, *found)))
        # Last, so that another thread which finds nothing new finds the new ids.
        self._size, self._user, self._auth, self._lazy = size, user, auth, lazy
        return self._ids


def _unwrapped(value: object) -> object:
    """What a lazy object stands for, None while that is open. ``isinstance`` would resolve it."""
    while issubclass(type(value), LazyObject):
        value = object.__getattribute__(value, "_wrapped")
    return None if value is empty else value


def _unresolved(value: object) -> dict[str, Any] | None:
    """The attributes of the lazy object that is still open, in which the answer will appear."""
    while issubclass(type(value), LazyObject):
        attributes: dict[str, Any] = object.__getattribute__(value, "__dict__")
        value = attributes.get("_wrapped")
        if value is empty:
            return attributes
    return None
