"""Steps that write: rows, relations, transactions."""

import copy
import datetime
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import F, Model

from tests.differential.kinds import kind_of, step, text_of
from tests.differential.models import Author, Book, Chapter, Essay, Mark, Tag, Work
from tests.differential.world import World

_DAY = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


# Rows


@step
def create(world: World, a: int, b: int, c: int) -> Any:
    name = f"new {b}"
    ways: list[Callable[[], Any]] = [
        lambda: Work.objects.create(title=name, author=world.find(Author, b)),
        lambda: Chapter.objects.create(work=world.find(Work, b), name=name),
        lambda: Mark.objects.create(target=world.find((Work, Author)[c % 2], b), text=name),
        lambda: Book.objects.create(title=name, pages=c),
        lambda: Author.objects.create(name=name, joined=_DAY + datetime.timedelta(days=b)),
        lambda: Tag.objects.create(name=name),
        lambda: Essay(title=name, author_id=c % 4).save(),
        lambda: Work.objects.bulk_create([Work(title=name), Work(title=f"{name}, too")]),
        lambda: Tag.objects.bulk_create([Tag(name=name)], ignore_conflicts=True),
        lambda: world.find(Author, b).work_set.create(title=name),
        lambda: world.find(Work, b).marks.create(text=name),
        lambda: world.find(Work, b).tags.create(name=name),
    ]
    return world.hold(ways[a % len(ways)]())


@step
def save(world: World, a: int, b: int, c: int) -> Any:
    instance = world.any(a)
    name = text_of(instance)
    if c % 3:
        setattr(instance, name, f"saved {c}")
    ways: list[Callable[[], None]] = [
        lambda: instance.save(),
        lambda: instance.save(update_fields=[name]),
        lambda: instance.save(force_update=True),
        lambda: instance.save(force_insert=True),
        lambda: instance.save(using=instance._state.db),
    ]
    ways[b % len(ways)]()
    return instance


@step
def point(world: World, a: int, b: int, c: int) -> Any:
    """A foreign key, or a generic one, to another object that is held."""
    ways: list[Callable[[], Any]] = [
        lambda: _set(world.find(Chapter, b), "work", world.find(Work, c)),
        lambda: _set(world.find(Work, b), "author", world.find(Author, c)),
        lambda: _set(world.find(Mark, b), "target", world.any(c)),
        lambda: _set(world.find(Mark, b), "by", world.find(Author, c)),
        lambda: _set(world.find(Chapter, b), "editor_id", c % 4 + 1),
        lambda: _set(world.find(Mark, b), "object_id", c % 4 + 1),
        lambda: _set(world.find(Work, b), "number", F("number") + 1),
    ]
    instance = ways[a % len(ways)]()
    if c % 2:
        instance.save()
    return instance


def _set(instance: Any, name: str, value: Any) -> Any:
    setattr(instance, name, value)
    return instance


@step
def insert_copy(world: World, a: int, b: int, c: int) -> Any:
    instance = copy.copy(world.any(a))
    instance.pk = instance.id = None
    if b % 2:
        instance._state.adding = True
    setattr(instance, text_of(instance), f"copy {c}")
    instance.save()
    return world.hold(instance)


@step
def delete(world: World, a: int, b: int, c: int) -> Any:
    kind = kind_of(b)
    ways: list[Callable[[], Any]] = [
        lambda: world.find(kind, a).delete(),
        lambda: world.find(kind, a).delete(using=world.find(kind, a)._state.db),
        lambda: kind.objects.filter(pk=c).delete(),
        lambda: world.queryset(c).all().delete(),
        lambda: world.find(Work, a).marks.all().delete(),
    ]
    return ways[(a + c) % len(ways)]()


@step
def update(world: World, a: int, b: int, c: int) -> Any:
    ways: list[Callable[[], Any]] = [
        lambda: Work.objects.filter(pk__gt=b).update(title=f"updated {c}"),
        lambda: world.find(Author, b).work_set.update(number=F("number") + c),
        lambda: Work.objects.bulk_update([_set(world.find(Work, b), "number", c)], ["number"]),
        lambda: world.queryset(b).update(pk=F("pk")),
        lambda: world.find(Work, b).marks.update(text=f"m {c}"),
        lambda: Chapter.objects.using(world.any(b)._state.db).update(name=F("name")),
        lambda: Book.objects.filter(pk__gt=b).update(title=f"book {c}", pages=c),
        lambda: Author.objects.filter(pk=b).update(name=f"author {c}"),
    ]
    return ways[a % len(ways)]()


@step
def find_or_make(world: World, a: int, b: int, c: int) -> Any:
    name, later = f"new {b % 4}", {"title": f"changed {c}"}
    ways: list[Callable[[], Any]] = [
        lambda: Tag.objects.get_or_create(name=name),
        lambda: Work.objects.get_or_create(title=name, author=world.find(Author, c)),
        lambda: Work.objects.update_or_create(defaults=later, title=name),
        lambda: world.find(Work, c).tags.get_or_create(name=name),
        lambda: world.find(Author, c).work_set.update_or_create(title=name, defaults=later),
        lambda: world.find(Work, c).marks.get_or_create(text=name),
        lambda: world.find(Work, c).chapter_set.get_or_create(name=name),
        lambda: Book.objects.update_or_create(pages=b % 2, defaults=later),
    ]
    return world.hold(ways[a % len(ways)]())


# Relations


@step
def relate(world: World, a: int, b: int, c: int) -> Any:
    """Add to a relation, take from it, set it or empty it."""
    ways: list[tuple[Callable[[], Any], type[Model]]] = [
        (lambda: world.find(Work, b).tags, Tag),
        (lambda: world.find(Work, b).cites, Work),
        (lambda: world.find(Work, b).marks, Mark),
        (lambda: world.find(Author, b).work_set, Work),
        (lambda: world.find(Author, b).edited, Chapter),
        (lambda: world.find(Tag, b).work_set, Book),
        (lambda: world.find(Work, b).chapter_set, Chapter),
    ]
    find_manager, kind = ways[a % len(ways)]
    manager = find_manager()
    how = c % 7
    if how == 0:
        manager.clear()
    elif how == 1:
        manager.set([world.find(kind, c)])
    elif how == 2:
        manager.set(kind.objects.all())
    elif how == 3:
        manager.remove(world.find(kind, c))
    elif how == 4 and kind in (Work, Mark, Chapter) and a % len(ways) != 1:
        manager.add(world.find(kind, c), bulk=False)
    else:
        manager.add(world.find(kind, c))
    return list(manager.all())


# Transactions


@step
def in_transaction(world: World, a: int, b: int, c: int) -> Any:
    """By the alias of a queryset or of an object."""
    alias = Work.objects.all().db if a % 2 else world.any(b)._state.db
    with transaction.atomic(using=alias):
        Work.objects.filter(pk=c).update(number=F("number") + 1)
        if b % 3 == 0:
            transaction.set_rollback(True, using=alias)
        return list(Work.objects.values_list("number", flat=True))


@step
def after_commit(world: World, a: int, b: int, c: int) -> Any:
    """A callback that reads, at once or after the commit."""
    transaction.on_commit(
        lambda: world.heard.append([Work.objects.count(), list(Author.objects.values("name"))]),
        robust=bool(a % 2),
    )
    return transaction.get_connection().in_atomic_block
