"""The user of a request, if other code has resolved it already. Nothing here resolves it.

To resolve ``request.user`` costs two queries. It would also come before the view's own reads, and
a stale session row would count. Django resolves the user when code asks for it. REST framework and
django-ninja resolve it inside the view, and put a plain object on the request.
"""

import inspect
from typing import Any, cast

from django.apps import apps
from django.conf import settings as django_settings
from django.db.models import Model
from django.http import HttpRequest
from django.utils.functional import LazyObject, empty

#: The attributes of a request that may hold its user. The second and third hold, also after a
#: logout, what ``request.user`` and ``request.auser()`` of Django's middleware returned. The last
#: holds what the authentication of django-ninja returned.
_PLACES = ("user", "_cached_user", "_acached_user", "auth")

#: The ids if there is no user: always this object, because ids are compared by ``is``.
NOBODY: tuple[str, ...] = ()

_NOTHING = object()


def id_of(user: object) -> str | None:
    """The id of ``user``; None if it is anonymous, is no user, or is lazy and not resolved yet.

    It is the primary key as text. A user of another model than AUTH_USER_MODEL has the model's
    label in it too: two models may have the same key.
    """
    if user is None:
        return None
    user = unwrapped(user)
    if not inspect.getattr_static(user, "is_authenticated", False):
        return None  # getattr_static runs no code of the object, which may be lazy in its own way
    pk = getattr(user, "pk", None)
    if pk is None or not getattr(user, "is_authenticated", False):
        return None
    label = _foreign_label(type(user))
    return str(pk) if label is None else f"{label}\0{pk}"  # NUL, which no key has in it


def _foreign_label(kind: type) -> str | None:
    """The label of a model whose rows are no users of AUTH_USER_MODEL. None for what is no model.

    A proxy and a child that shares its parent's key have the same rows as the model behind them.
    """
    if not issubclass(kind, Model):
        return None
    model = _root_of(kind)
    try:
        known = apps.get_model(django_settings.AUTH_USER_MODEL, require_ready=False)
    except (LookupError, ValueError):
        return str(model._meta.label)
    return None if model is _root_of(known) else str(model._meta.label)


def _root_of(model: type[Model]) -> type[Model]:
    found: Any = model._meta.concrete_model
    while getattr(found._meta.pk.remote_field, "parent_link", False):
        found = found._meta.pk.remote_field.model
    return cast(type[Model], found)


def is_open(user: object) -> bool:
    """Whether ``user`` is lazy and not resolved yet."""
    return _unresolved(user) is not None


class ResolvedUsers:
    """The ids of all users that a request was seen to have. The router asks at each read.

    There are several if a user acts in the name of another, or after a login or logout.
    """

    __slots__ = ("_auth", "_ids", "_lazy", "_request", "_size", "_user")

    def __init__(self, request: HttpRequest) -> None:
        """Keep ``request``, to look at it whenever ``ids`` is called."""
        self._request: dict[str, Any] = vars(request)
        self._ids = NOBODY
        self._size = 0
        self._lazy: dict[str, Any] | None = None
        self._user: object = None
        self._auth: object = _NOTHING

    def ids(self) -> tuple[str, ...]:
        """The ids seen so far: the same object until a new user is seen.

        It runs at every read, so it must be quick. A new attribute of the request changes their
        number; the attributes that may also be replaced are compared.
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
        """Drop the request. The ids stay."""
        self._request, self._size = {}, 0
        self._user = self._lazy = None
        self._auth = _NOTHING

    def _look(self) -> tuple[str, ...]:
        request = self._request
        size, user, auth = len(request), request.get("user"), request.get("auth", _NOTHING)
        lazy = _unresolved(user)
        found = {id_: None for id_ in map(id_of, map(request.get, _PLACES)) if id_ is not None}
        if not found.keys() <= set(self._ids):
            self._ids = tuple(dict.fromkeys((*self._ids, *found)))
        # Set these last: another thread that finds them unchanged must find the new ids.
        self._size, self._user, self._auth, self._lazy = size, user, auth, lazy
        return self._ids


def unwrapped(value: object) -> object:
    """The object behind a lazy one, None until it is resolved. ``isinstance`` would resolve it."""
    while issubclass(type(value), LazyObject):
        value = object.__getattribute__(value, "_wrapped")
    return None if value is empty else value


def _unresolved(value: object) -> dict[str, Any] | None:
    """The ``__dict__`` of a lazy object that is not resolved yet: its answer will appear there."""
    while issubclass(type(value), LazyObject):
        attributes: dict[str, Any] = object.__getattribute__(value, "__dict__")
        value = attributes.get("_wrapped")
        if value is empty:
            return attributes
    return None
