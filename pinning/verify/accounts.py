"""Accounts for simulated users who sign in: without a password, without rights, and soon gone."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import DatabaseError, router, transaction

#: What lets them in; it asks the database alone.
BACKEND = "django.contrib.auth.backends.ModelBackend"
_NEEDED = ("django.contrib.auth", "django.contrib.sessions")


def obstacle() -> str:
    """Why nobody can sign in here, as part of a sentence; empty if they can."""
    missing = [name for name in _NEEDED if not apps.is_installed(name)]
    if missing:
        return f"{' and '.join(missing)} are not installed"
    if BACKEND not in settings.AUTHENTICATION_BACKENDS:
        return f"{BACKEND} is not among the AUTHENTICATION_BACKENDS"
    try:
        alias = router.db_for_write(get_user_model())
        with transaction.atomic(using=alias):
            is_active = account("try", 0).is_active
            transaction.set_rollback(True, using=alias)
    except (DatabaseError, TypeError, ValidationError, ValueError) as error:
        return f"the user model needs more than a name ({type(error).__name__})"
    return "" if is_active else "new users are not active"


def account(run: str, session: int) -> Any:
    """The account of a session, made at the first call."""
    model = get_user_model()
    name = f"{_prefix(run)}{session}"
    known = model._default_manager.filter(**{model.USERNAME_FIELD: name}).first()
    if known is not None:
        return known
    fields = {model.USERNAME_FIELD: name}
    if hasattr(model, "EMAIL_FIELD") and hasattr(model, model.EMAIL_FIELD):
        fields.setdefault(model.EMAIL_FIELD, f"{name}@pinning.invalid")
    new = model(**fields)
    new.set_unusable_password()
    new.save()
    return new


def end_sessions(keys: Iterable[str]) -> None:
    """Remove sessions that nobody has signed out of, those whose answer was lost for example."""
    for key in keys:
        import_module(settings.SESSION_ENGINE).SessionStore(key).delete()


def remove_accounts(run: str) -> None:
    """Delete all accounts of a run."""
    if all(map(apps.is_installed, _NEEDED)):
        model = get_user_model()
        mine = {f"{model.USERNAME_FIELD}__startswith": _prefix(run)}
        model._default_manager.filter(**mine).delete()


def _prefix(run: str) -> str:
    return f"pinning-verify-{run}-"
