"""The queries of the programs: where they begin, what is added to them, and how they end."""

import itertools
import pickle
from collections.abc import Callable
from typing import Any

from django.contrib.contenttypes.prefetch import GenericPrefetch
from django.db import models
from django.db.models import Count, Exists, F, Max, OuterRef, Prefetch, QuerySet, Subquery

from tests.differential.models import Author, Book, Chapter, Essay, Mark, Tag, Work
from tests.differential.world import World

#: What is deferred is fetched for all objects of a query at once: from Django 6.1 on.
_PEERS = getattr(models, "FETCH_PEERS", None)

#: Tables, and the relations of an object that is held.
SOURCES: list[Callable[[World, int], Any]] = [
    lambda world, n: Author.objects,
    lambda world, n: Tag.objects,
    lambda world, n: Mark.objects,
    lambda world, n: Work.objects,
    lambda world, n: Essay.objects,
    lambda world, n: Book.objects,
    lambda world, n: Chapter.objects,
    lambda world, n: Work._base_manager,
    lambda world, n: world.find(Author, n).work_set,
    lambda world, n: world.find(Author, n).edited,
    lambda world, n: world.find(Work, n).tags,
    lambda world, n: world.find(Work, n).cites,
    lambda world, n: world.find(Work, n).marks,
    lambda world, n: world.find(Work, n).chapter_set,
    lambda world, n: world.find(Tag, n).work_set,
    lambda world, n: world.queryset(n),
]

_EXISTS = Exists(Chapter.objects.filter(work=OuterRef("pk")))
_NEWEST = Chapter.objects.filter(work=OuterRef("pk")).order_by("-pk").values("name")[:1]
_EDITED = Prefetch("chapter_set", Chapter.objects.select_related("editor"))

_OF_WORKS: list[Callable[[World, Any, int], Any]] = [
    lambda world, works, n: works.select_related("author"),
    lambda world, works, n: works.select_related("book"),
    lambda world, works, n: works.prefetch_related("tags", "marks"),
    lambda world, works, n: works.prefetch_related("cites__author", _EDITED),
    lambda world, works, n: works.prefetch_related(Prefetch("marks", to_attr="own_marks")),
    lambda world, works, n: works.prefetch_related("author__work_set"),
    lambda world, works, n: works.prefetch_related(Prefetch("marks", world.queryset(n))),
    lambda world, works, n: works.only("title"),
    lambda world, works, n: works.defer("title", "author"),
    lambda world, works, n: works.select_related("author").only("number", "author__name"),
    lambda world, works, n: works.filter(_EXISTS),
    lambda world, works, n: works.annotate(newest=Subquery(_NEWEST), chapters=Count("chapter")),
    lambda world, works, n: works.filter(author__in=Author.objects.exclude(name="nobody")),
    lambda world, works, n: works.filter(author=world.find(Author, n)),
    lambda world, works, n: works.filter(pk__in=world.find(Work, n).marks.values("object_id")),
    lambda world, works, n: works.filter(pk__in=world.find(Tag, n).work_set.all()),
    lambda world, works, n: works.filter(author__in=Author.objects.using(world.any(n)._state.db)),
    lambda world, works, n: works.filter(tags=None),
    lambda world, works, n: works.filter(marks__text__startswith="m").distinct(),
    lambda world, works, n: works.union(works.model.objects.all()).order_by("id"),
    lambda world, works, n: works.order_by("-title", "pk").reverse(),
]
_OF_CHAPTERS: list[Callable[[World, Any, int], Any]] = [
    lambda world, chapters, n: chapters.select_related("work__author", "editor"),
    lambda world, chapters, n: chapters.select_related("work").only("name", "work__title"),
    lambda world, chapters, n: chapters.prefetch_related("work__tags", "editor"),
    lambda world, chapters, n: chapters.defer("name"),
    lambda world, chapters, n: chapters.filter(work__tags__in=Tag.objects.all()).distinct(),
    lambda world, chapters, n: chapters.filter(work__in=world.find(Author, n).work_set.all()),
    lambda world, chapters, n: chapters.exclude(editor=F("work__author")),
]
_OF_AUTHORS: list[Callable[[World, Any, int], Any]] = [
    lambda world, authors, n: authors.prefetch_related("work_set__chapter_set", "edited"),
    lambda world, authors, n: authors.annotate(works=Count("work"), last=Max("work__number")),
    lambda world, authors, n: authors.only("joined"),
    lambda world, authors, n: authors.filter(work__in=world.find(Tag, n).work_set.all()),
]
_OF_MARKS: list[Callable[[World, Any, int], Any]] = [
    lambda world, marks, n: marks.prefetch_related("target"),
    lambda world, marks, n: marks.prefetch_related(
        GenericPrefetch("target", [Work.objects.prefetch_related("tags"), Author.objects.all()])
    ),
    lambda world, marks, n: marks.select_related("by", "content_type"),
    lambda world, marks, n: marks.only("text"),
    lambda world, marks, n: marks.filter(by__in=Author.objects.all()),
]
_OF_ALL: list[Callable[[World, Any, int], Any]] = [
    lambda world, rows, n: rows.all(),
    lambda world, rows, n: rows.filter(pk__gte=n),
    lambda world, rows, n: rows.exclude(pk=n),
    lambda world, rows, n: rows.using(rows.db),
    lambda world, rows, n: rows.using(world.any(n)._state.db),
    lambda world, rows, n: rows.filter(pk__in=world.queryset(n).values("pk")),
    lambda world, rows, n: rows.all() | world.queryset(n),
    lambda world, rows, n: rows.union(world.queryset(n)).order_by("pk"),
    lambda world, rows, n: rows.filter(pk__in=rows.model.objects.using(world.any(n)._state.db)),
    lambda world, rows, n: rows.select_for_update(),
    lambda world, rows, n: rows.none() | rows.all(),
    lambda world, rows, n: rows.fetch_mode(_PEERS) if _PEERS else rows.all(),
    lambda world, rows, n: rows.only("pk").fetch_mode(_PEERS) if _PEERS else rows.only("pk"),
]

_MORE = {Author: _OF_AUTHORS, Mark: _OF_MARKS, Chapter: _OF_CHAPTERS, Tag: []}


def additions(rows: Any) -> list[Callable[[World, Any, int], Any]]:
    """What can be added to a query of these rows."""
    return [*_MORE.get(rows.model, _OF_WORKS), *_OF_ALL]


#: The last steps: each gives what is told of the query. Objects among it are held.
ENDS: list[Callable[[World, Any, int], Any]] = [
    lambda world, rows, n: list(rows.all()),
    lambda world, rows, n: list(rows.all()),
    lambda world, rows, n: rows.first(),
    lambda world, rows, n: rows.last(),
    lambda world, rows, n: rows.get(pk=n % 4 + 1),
    lambda world, rows, n: rows.get(),
    lambda world, rows, n: rows.count(),
    lambda world, rows, n: rows.exists(),
    lambda world, rows, n: rows.in_bulk(),
    lambda world, rows, n: rows.in_bulk([1, 2, n]),
    lambda world, rows, n: list(itertools.islice(rows.iterator(chunk_size=1), n)),
    lambda world, rows, n: list(rows.iterator(chunk_size=2)),
    lambda world, rows, n: rows.aggregate(Max("pk"), all=Count("pk")),
    lambda world, rows, n: list(rows.values()),
    lambda world, rows, n: list(rows.values_list("pk", flat=True)),
    lambda world, rows, n: rows.latest("pk"),
    lambda world, rows, n: rows.earliest("pk"),
    lambda world, rows, n: rows.all()[n % 3],
    lambda world, rows, n: list(rows.all()[1 : n + 1]),
    lambda world, rows, n: rows.contains(world.find(rows.model, n)),
    lambda world, rows, n: list(pickle.loads(pickle.dumps(rows.all()))),
    lambda world, rows, n: _keep(world, rows.all()),
    lambda world, rows, n: _keep(world, rows.filter(pk__in=rows.all())),
    lambda world, rows, n: list(_raw(rows)),
    lambda world, rows, n: list(_raw(rows).prefetch_related(*PREFETCHED.get(rows.model, ()))),
    lambda world, rows, n: rows.db,
]


#: What is prefetched for the rows of raw queries.
PREFETCHED = {Mark: ["target"], Work: ["tags", "marks"], Chapter: ["work"], Author: ["work_set"]}


def _raw(rows: Any) -> Any:
    return rows.raw(f"SELECT * FROM {rows.model._meta.db_table}")


def _keep(world: World, rows: QuerySet[Any]) -> str:
    world.querysets.append(rows)
    return "kept"


def run(world: World, source: int, more: int, end: int) -> Any:
    """A query of three choices. Each number also chooses among the objects that are held."""
    rows = SOURCES[source % len(SOURCES)](world, end)
    choices = additions(rows)
    rows = choices[more % len(choices)](world, rows, source)
    if (source + end) % 2:
        rows = choices[(more + source + end) % len(choices)](world, rows, end)
    return world.hold(ENDS[end % len(ENDS)](world, rows, more % 7))
