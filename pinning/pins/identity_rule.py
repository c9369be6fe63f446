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


class Rule:
    """The function of IDENTITY. The names that it gives replace all others."""

    def __init__(self, function: Callable[[HttpRequest], Iterable[str]]) -> None:
        """Take the function that IDENTITY names."""
        self._function = function
        self._is_reported = False

    def names_of(self, request: HttpRequest) -> tuple[str, ...] | None:
        """The names that the function returns, hashed. None if it fails, whatever it raises.

        The first failure is logged, without the text of the error, which may contain names.
        """
        problem = "it must return a list of str"
        try:
            answer: Any = self._function(request)
            names = None if isinstance(answer, str) else list(answer)
        except Exception as error:
            names, problem = None, f"it raised {type(error).__name__}"
        if names is not None and all(isinstance(name, str) for name in names):
            known = filter(None, dict.fromkeys(names))
            return tuple(one for name in known for one in hashed("user", name))
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
