"""The tables that move: of models, their parents and children, and their ManyToManyFields."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, Field, IntegerField, QuerySet, UUIDField

from pinning.move.errors import MoveError
from pinning.move.names import Name


@dataclass(frozen=True, slots=True)
class Part:
    """One table of a move."""

    model: Any
    #: Names it in the log and in the names of triggers.
    code: str
    #: Which of its rows move, by the field's attname; all, if it is empty.
    where: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The model's label, for people."""
        return str(self.model._meta.label)

    @property
    def table(self) -> str:
        """The table's name."""
        return str(self.model._meta.db_table)

    @property
    def key(self) -> Any:
        """The field of the primary key."""
        return self.model._meta.pk

    @property
    def fields(self) -> list[Any]:
        """The fields with a column in this table, without those that the database computes."""
        fields = self.model._meta.local_concrete_fields
        return [each for each in fields if not getattr(each, "generated", False)]

    def rows(self, alias: str) -> QuerySet[Any]:
        """The rows that move, without what the model's managers would add or leave out."""
        return QuerySet(model=self.model, using=alias).filter(**self.where)

    def text_of(self, key: Any, connection: BaseDatabaseWrapper) -> str:
        """A primary key as the triggers of a database write it: a UUID may have no dashes there."""
        return str(target_of(self.key).get_db_prep_value(key, connection))

    def key_of(self, text: str) -> Any:
        """A primary key from its text."""
        return target_of(self.key).to_python(text)


def target_of(key: Any) -> "Field[Any, Any]":
    """The field whose values ``key`` has: for a relation, at its end."""
    while key.is_relation:
        key = key.target_field
    return key  # type: ignore[no-any-return]


def parts_of(labels: Sequence[str], name: Name, where: str = "") -> tuple[Part, ...]:
    """All tables of a move, those first that others refer to. Raises MoveError."""
    named = [_model_of(label) for label in labels]
    models = list(dict.fromkeys(found for each in named for found in _with_relatives(each)))
    if where and len(models) > len(named):
        along = ", ".join(sorted(each._meta.label for each in set(models) - set(named)))
        raise MoveError(f"--where moves models with one table each, and {along} would come along.")
    for model in models:
        _check_key(model)
    return tuple(
        Part(model, name.code_of(model._meta.db_table), _condition(model, where))
        for model in _in_order(models)
    )


def _model_of(label: str) -> Any:
    try:
        model: Any = apps.get_model(label)
    except (LookupError, ValueError) as error:
        raise MoveError(f"There is no model {label!r}: {error}") from error
    owner = model._meta.auto_created or model._meta.concrete_model
    if owner is not model:
        raise MoveError(f"The rows of {label} are those of {owner._meta.label}. Name that instead.")
    return model


def _with_relatives(model: Any) -> Iterator[Any]:
    """A model with the tables that hold the rest of its rows, and those of its ManyToManyFields."""
    family = [*model._meta.get_parent_list(), model, *_children(model)]
    yield from family
    for each in family:
        for many in each._meta.local_many_to_many:
            if many.remote_field.through._meta.auto_created:
                yield many.remote_field.through


def _children(model: Any) -> Iterator[Any]:
    for relation in model._meta.related_objects:
        if relation.parent_link and relation.model is model:
            yield relation.related_model
            yield from _children(relation.related_model)


def _check_key(model: Any) -> None:
    key = model._meta.pk
    kind = None if not hasattr(key, "column") or key.column is None else target_of(key)
    if not isinstance(kind, IntegerField | CharField | UUIDField):
        raise MoveError(f"{model._meta.label} has a key of a kind that cannot be moved: {key}.")


def _condition(model: Any, where: str) -> dict[str, Any]:
    if not where:
        return {}
    name, is_there, text = where.partition("=")
    try:
        found = model._meta.get_field(name)
        if not is_there or not found.concrete or found.model is not model:
            raise FieldDoesNotExist(name)
        return {found.attname: target_of(found).to_python(text)}
    except FieldDoesNotExist as error:
        label = model._meta.label
        raise MoveError(f'--where takes "field=value", of a field of {label}: {where!r}') from error
    except ValidationError as error:
        raise MoveError(f"--where {where!r}: {'; '.join(error.messages)}") from error


def _in_order(models: Iterable[Any]) -> list[Any]:
    """Models after those that they refer to. In a circle, in the order that they have."""
    left, ordered = list(models), list[Any]()
    while left:
        free = [each for each in left if not (_referred(each) - {each}) & set(left)]
        ordered += free or left[:1]
        left = [each for each in left if each not in ordered]
    return ordered


def _referred(model: Any) -> set[Any]:
    keys = (each for each in model._meta.local_concrete_fields if each.is_relation)
    return {each.related_model._meta.concrete_model for each in keys}
