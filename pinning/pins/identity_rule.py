"""The IDENTITY setting: a function of the project that names the client that sent a request."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.module_loading import import_string

from pinning import conf
from pinning.conf import made_once
from pinning.pins.signing import hashed

logger = logging.getLogger("pinning")


#: Stands for all names that pinning gives by itself, in the answer of a rule.
_BUILT_IN = "\0built-in"


def default_identity(request: HttpRequest) -> list[str]:  # noqa: ARG001  as every rule takes it
    """The names that a client has without IDENTITY, for a rule of your own that adds others.

    ``return [*default_identity(request), "account:7"]``. It is one name, which stands for the
    session, the names that pinning gives by cookie, IDENTITY_HEADERS, and the user once that is
    known. Whoever returns it keeps all that pinning does for these, also at a login and a logout.
    """
    return [_BUILT_IN]


class Rule:
    """The function of IDENTITY. The names that it gives replace all others, or are added to ours.

    ``extends`` says whether it adds, as far as that was seen: None before the first answer.
    """

    def __init__(self, function: Callable[[HttpRequest], Iterable[str]]) -> None:
        """Take the function that IDENTITY names."""
        self._function = function
        self._is_reported = False
        self.extends: bool | None = None

    def names_of(
        self, request: HttpRequest, built_in: Callable[[], tuple[str, ...]]
    ) -> tuple[str, ...] | None:
        """The names that the function returns, hashed. None if it fails, whatever it raises.

        ``built_in`` gives those that ``default_identity`` stands for.

        The first failure is logged, without the text of the error, which may contain names.
        """
        problem = "it must return a list of str"
        try:
            answer: Any = self._function(request)
            names = None if isinstance(answer, str) else list(answer)
        except Exception as error:
            names, problem = None, f"it raised {type(error).__name__}"
        if names is not None and all(isinstance(name, str) for name in names):
            adds = _BUILT_IN in names
            self.extends = self.extends or adds
            known = [name for name in dict.fromkeys(names) if name and _BUILT_IN not in name]
            own = tuple(one for name in known for one in hashed("user", name))
            return (*built_in(), *own) if adds else own
        if not self._is_reported:
            self._is_reported = True
            logger.warning("PINNING['IDENTITY'] fails, so the primary answers: %s", problem)
        return None


def load_rule(value: Any) -> Rule | None:
    """The rule for a value of IDENTITY, if it has one. Raises ImproperlyConfigured."""
    if value is None:
        return None
    function = value
    if isinstance(value, str):
        try:
            function = import_string(value)
        except ImportError as error:
            raise ImproperlyConfigured(f"PINNING['IDENTITY']: {error}") from error
    if not callable(function) or iscoroutinefunction(function):
        raise ImproperlyConfigured(
            f"PINNING['IDENTITY'] leads to {function!r}, which cannot be called, or only with "
            "await."
        )
    return Rule(function)


@made_once
def rule() -> Rule | None:
    """The rule of this process; None if IDENTITY is not set."""
    return load_rule(conf.settings().identity)
