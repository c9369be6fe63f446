"""The steps of the programs, by name: ``reading``, ``writing``, ``asynchronous`` fill the list."""

from collections.abc import Callable
from typing import Any

from django.db.models import Model

from tests.differential.models import Author, Book, Chapter, Essay, Mark, Tag, Work
from tests.differential.world import World

#: Takes three numbers, which choose, and gives what it was told, or a coroutine that does.
Step = Callable[[World, int, int, int], Any]

STEPS: dict[str, Step] = {}

_KINDS: tuple[type[Model], ...] = (Author, Work, Book, Chapter, Mark, Tag, Essay)
_TEXTS = {Author: "name", Tag: "name", Chapter: "name", Mark: "text"}


def step(function: Step) -> Step:
    STEPS[function.__name__] = function
    return function


def kind_of(n: int) -> type[Model]:
    return _KINDS[n % len(_KINDS)]


def text_of(instance: Model) -> str:
    """The name of its field that holds a text."""
    return _TEXTS.get(type(instance), "title")
