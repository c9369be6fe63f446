"""Steps that read, and objects that outlive their scope."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from django.db import connections
from django.db.models import Model, prefetch_related_objects
from django.db.models.query import RawQuerySet

from tests.differential import queries
from tests.differential.kinds import kind_of, step, text_of
from tests.differential.models import Author, Book, Chapter, Mark, Work
from tests.differential.world import Nothing, World


@step
def query(world: World, a: int, b: int, c: int) -> Any:
    return queries.run(world, a, b, c)


@step
def relation(world: World, a: int, b: int, c: int) -> Any:
    """A relation of an object that is held."""
    return queries.run(world, 8 + a % 8, b, c)


@step
def keep(world: World, a: int, b: int, c: int) -> Any:
    """A queryset, to be run later or to be a part of another one."""
    ways: list[Callable[[], Any]] = [
        lambda: world.find(Work, b).marks.all(),
        lambda: queries.SOURCES[b % 15](world, c).all(),
        lambda: world.find(Work, b).marks.filter(pk__gt=0).prefetch_related("target"),
        lambda: Mark.objects.raw("SELECT * FROM differential_mark"),
        lambda: Mark.objects.raw("SELECT id, text FROM differential_mark"),
    ]
    world.querysets.append(ways[a % len(ways)]())
    return None


@step
def keep_copy(world: World, a: int, b: int, c: int) -> Any:
    ways: list[Callable[[Any], Any]] = [
        copy.copy,
        copy.deepcopy,
        lambda rows: pickle.loads(pickle.dumps(rows)),
    ]
    kept = world.queryset(b)
    if isinstance(kept, RawQuerySet):  # once it has run it holds a cursor, which Django cannot copy
        raise Nothing("raw queries that can be copied")
    world.querysets.append(ways[a % len(ways)](kept))
    return None


@step
def run_kept(world: World, a: int, b: int, c: int) -> Any:
    """What is kept, also in an earlier scope; not what it read then."""
    kept = world.queryset(a)
    return world.hold(list(kept._clone() if isinstance(kept, RawQuerySet) else kept.all()))


@step
def follow(world: World, a: int, b: int, c: int) -> Any:
    """A foreign key, a generic one, or a link to a child or parent."""
    ways: list[tuple[type[Model], str]] = [
        (Mark, "target"),
        (Chapter, "work"),
        (Work, "author"),
        (Chapter, "editor"),
        (Mark, "by"),
        (Mark, "content_type"),
        (Mark, "target"),
        (Work, "book"),
        (Mark, "target"),
        (Book, "work_ptr"),
    ]
    kind, name = ways[a % len(ways)]
    found = getattr(world.find(kind, b), name)
    return found if isinstance(found, ContentType) else world.hold(found)


@step
def look(world: World, a: int, b: int, c: int) -> Any:
    """Every field of an object: those that are deferred are loaded."""
    instance = world.any(a)
    return [getattr(instance, field.attname) for field in instance._meta.concrete_fields]


@step
def refresh(world: World, a: int, b: int, c: int) -> Any:
    instance = world.any(a)
    name = text_of(instance)
    ways: list[Callable[[], None]] = [
        lambda: instance.refresh_from_db(),
        lambda: instance.refresh_from_db(fields=[name]),
        lambda: instance.refresh_from_db(from_queryset=type(instance).objects.only(name)),
        lambda: instance.refresh_from_db(using=instance._state.db),
        lambda: instance.refresh_from_db(from_queryset=type(instance).objects.select_for_update()),
    ]
    ways[b % len(ways)]()
    return instance


@step
def neighbour(world: World, a: int, b: int, c: int) -> Any:
    author = world.find(Author, a)
    ways = author.get_next_by_joined, author.get_previous_by_joined
    return world.hold(ways[b % 2]())


@step
def validate(world: World, a: int, b: int, c: int) -> Any:
    instance = world.any(a)
    ways = instance.full_clean, instance.validate_unique, instance.validate_constraints
    return ways[b % 3]()


@step
def prefetch(world: World, a: int, b: int, c: int) -> Any:
    """For objects that came from different scopes and databases."""
    ways = [
        (Work, "tags"),
        (Work, "marks"),
        (Mark, "target"),
        (Chapter, "work__author"),
        (Author, "work_set__tags"),
        (Work, "author"),
    ]
    kind, name = ways[a % len(ways)]
    found = world.held_of(kind)[-1 - b % 4 :]
    prefetch_related_objects(found, name)
    return found


@step
def add_up(world: World, a: int, b: int, c: int) -> Any:
    """By the alias of an object, as other packages do."""
    alias = world.any(a)._state.db
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {kind_of(b)._meta.db_table}")
        return cursor.fetchone()


# Objects that outlive their scope


@step
def cache(world: World, a: int, b: int, c: int) -> Any:
    world.cached.append(pickle.dumps(world.any(a)))
    return None


@step
def from_cache(world: World, a: int, b: int, c: int) -> Any:
    if not world.cached:
        cache(world, a, b, c)
    return world.hold(pickle.loads(world.cached[-1 - a % len(world.cached)]))


@step
def duplicate(world: World, a: int, b: int, c: int) -> Any:
    ways = copy.copy, copy.deepcopy
    return world.hold(ways[b % 2](world.any(a)))


@step
def serialize(world: World, a: int, b: int, c: int) -> Any:
    text = serializers.serialize("json", [world.any(a)])
    return [text, [each.object for each in serializers.deserialize("json", text)]]
