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
from django.core.exceptions import ValidationError
from django.http import HttpRequest

logger = logging.getLogger("pinning")


def signed_in(request: HttpRequest) -> str | None:
    """The id of the user who is signed in by the session, as ``users.id_of`` gives it. Or None.

    It costs what the session's engine needs to load it, one query at most, and nothing if it was
    loaded before. Whatever the engine raises is logged once for each kind of error.
    """
    session: Any = getattr(request, "session", None)
    if not getattr(session, "session_key", None):
        return None
    try:
        return _id_of(session.get(SESSION_KEY))
    except Exception as error:  # only the engine knows its errors
        _tell(type(error).__name__)
    return None


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
