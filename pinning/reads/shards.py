"""Asks each cluster in which rows of a model can be, for reports and commands."""

from collections.abc import Callable
from typing import Any, TypeVar

from pinning.conf import clusters

Answer = TypeVar("Answer")


def for_each_shard(
    model: Any,
    function: Callable[[str], Answer],
    progress: Callable[[int, int], object] | None = None,
) -> dict[str, Answer]:
    """What ``function`` returns for each cluster in which rows of ``model`` can be, by its name.

    The name is the alias of its primary: ``model.objects.using(name)``. They are asked one after
    the other, and an error ends it. ``progress`` is told how many are done, and how many there are.
    """
    names = clusters().names_of(model)
    answers: dict[str, Answer] = {}
    for done, name in enumerate(names, start=1):
        answers[name] = function(name)
        if progress is not None:
            progress(done, len(names))
    return answers
