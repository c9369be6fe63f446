"""What ``pinning_move`` is asked for, checked against MODELS."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connections

from pinning.conf import DEFAULT, Homes, Sharding, clusters, settings
from pinning.databases import address_of
from pinning.move.errors import MoveError
from pinning.move.lease import Moved, known
from pinning.move.names import Name
from pinning.move.parts import Part, parts_of
from pinning.move.records import LEFT, phase_of

_OFFLINE = " If no process of the site runs, use --offline."


@dataclass(frozen=True, slots=True)
class Request:
    """A move that somebody asks for."""

    name: Name
    parts: tuple[Part, ...]
    source: str
    target: str
    #: The first model, after which the move is called.
    label: str
    #: Which rows move, ``"field=value"``; empty for all.
    where: str

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Request":
        """Take the command's options. Raises MoveError or UnknownClusterError."""
        labels, where = options["models"], options["where"]
        name = Name.of(labels[0], where)
        parts = parts_of(labels, name, where)
        target = clusters().named(options["to"]).primary
        source = options["from_"] or _home_of(parts, labels[0], name)
        if source == target:
            source = _left_by(name) or source
        source = clusters().named(source).primary
        if source == target or _are_same(source, target):
            raise MoveError(f"{labels[0]} is in {target!r} already.")
        return cls(name, parts, source, target, labels[0], where)


def check_followed(wanted: Request) -> None:
    """Whether the site will learn of the switch. Raises MoveError."""
    if wanted.where:
        if not any(_is_of(each, wanted) for each in known()):
            raise MoveError(f"No function of MODELS asks {_call(wanted)}.{_OFFLINE}")
        return
    moving = {part.model for part in wanted.parts}
    for model, home in _homes(apps.get_models(include_auto_created=True)):
        follows = isinstance(home, Sharding) and _is_of(home.function, wanted)
        label = model._meta.label
        if model in moving and not follows:
            raise MoveError(
                f"MODELS has to name {_call(wanted)} for {label} in all processes of the site "
                f"before its rows move.{_OFFLINE}"
            )
        if follows and model not in moving and model._meta.managed and not model._meta.proxy:
            raise MoveError(f"MODELS says that {label} moves too: name it after {wanted.label}.")


def check_left(wanted: Request) -> None:
    """Whether MODELS names the target, and not the move. Raises MoveError."""
    if wanted.where:
        return
    for model, home in _homes(part.model for part in wanted.parts):
        if home != wanted.target:
            raise MoveError(
                f"MODELS has to name {wanted.target!r} for {model._meta.label} first, in all "
                "processes of the site."
            )


def _homes(models: Iterable[Any]) -> list[tuple[Any, Any]]:
    current = settings()
    homes = Homes.load(current.models, tuple(current.replicas))
    return [(model, homes.of(model)) for model in models]


def _is_of(function: object, wanted: Request) -> bool:
    """Whether a function of MODELS is the one of this move."""
    if not isinstance(function, Moved):
        return False
    wishes = (wanted.name, wanted.source, wanted.target)
    return (function.name, function.from_, function.to) == wishes


def _home_of(parts: tuple[Part, ...], label: str, name: Name) -> str:
    """The cluster that the first model leaves, as MODELS says."""
    home = next(
        home
        for model, home in _homes(part.model for part in parts)
        if model._meta.label_lower == label.lower()
    )
    if isinstance(home, Sharding):
        moves = [each for each in known() if each.name == name]
        found = home.function if isinstance(home.function, Moved) else next(iter(moves), None)
        if found is None:
            raise MoveError(f"MODELS has a function for {label}. Name its cluster by --from.")
        return found.from_
    return home or DEFAULT


def _left_by(name: Name) -> str | None:
    """The cluster that knows that its rows have left."""
    names = settings().replicas
    return next((each for each in names if phase_of(connections[each], name) in LEFT), None)


def _are_same(one: str, other: str) -> bool:
    first, second = connections[one], connections[other]
    return first.vendor == second.vendor and address_of(first) == address_of(second)


def _call(wanted: Request) -> str:
    which = f", where={wanted.where!r}" if wanted.where else ""
    ways = f"from_={wanted.source!r}, to={wanted.target!r}{which}"
    return f"moved({wanted.label!r}, {ways})"
