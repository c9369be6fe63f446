"""The user whom a request's session names. To find it may read the session from its store.

``users`` sees users whom other code has resolved. A view that writes and never asks who the user is
leaves nothing to see, but the user's other devices should see what it wrote.
"""

import functools
import logging
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import file, signed_cookies
from django.core.cache.backends.db import BaseDatabaseCache
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from pinning.pins.users import unwrapped

logger = logging.getLogger("pinning")

#: Engines of Django's that use neither a table nor a cache.
_OUTSIDE = (file.SessionStore, signed_cookies.SessionStore)


def signed_in(request: HttpRequest) -> str | None:
    """The id of the user who is signed in by the session, as ``users.id_of`` gives it. Or None.

    It costs what the session's engine needs to load it, one query at most, and nothing if it was
    loaded before. A session that was not is left as it is, and another object of its kind is asked:
    Django's middleware adds ``Vary`` for one that was loaded, and takes the cookie away if it was
    not found. Whatever the engine raises is logged once for each kind of error.
    """
    session: Any = getattr(request, "session", None)
    if not getattr(session, "session_key", None):
        return None
    session = unwrapped(session)  # Channels puts a lazy object around it
    try:
        stored = session if _cache_of(session) else type(session)(session.session_key)
        return _id_of(stored.get(SESSION_KEY))
    except Exception as error:  # only the engine knows its errors
        _tell(type(error).__name__)
    return None


def is_session_at_hand(request: HttpRequest, table: str | None) -> bool:
    """Whether the session should be read before a statement that writes ``table``.

    It should if it is kept outside the database, and if the statement may end it. A session that
    is kept in a table, a cache's too, is not read before other statements: in the view's
    transaction the role may have no right to that table, and the error would end the transaction.
    """
    session: Any = getattr(request, "session", None)
    model: Any = getattr(session, "model", None)
    cache: Any = getattr(session, "_cache", None)
    if model is not None:
        return bool(model._meta.db_table == table)
    if isinstance(cache, BaseDatabaseCache):
        return bool(cache._table == table)  # type: ignore[attr-defined]
    return cache is not None or isinstance(session, _OUTSIDE)


def is_session_loaded(request: HttpRequest) -> bool:
    """Whether the user of the session is known without asking for it."""
    session: Any = getattr(request, "session", None)
    return bool(_cache_of(session))


def _cache_of(session: Any) -> Any:
    """What is loaded of a session of Django's. ``flush`` empties it first, and then deletes it."""
    return getattr(session, "_session_cache", None)


def _id_of(text: Any) -> str | None:
    """The user's primary key as Django reads it from a session, which stores it as text."""
    if text is None:
        return None
    try:
        model = apps.get_model(django_settings.AUTH_USER_MODEL, require_ready=False)
        return str(model._meta.pk.to_python(text))
    except (LookupError, ValueError, ValidationError):
        return None


@functools.cache
def _tell(kind: str) -> None:
    logger.warning("A session cannot be read, so its user's other devices miss a write: %s", kind)
