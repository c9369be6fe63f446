"""What Django reads by the alias of an object or a queryset, on a replica that is late.

Whatever is held was read from the replica. In a scope that has written since, each way to go on
from there shows what the primary has. In another it shows what the replica has, and raises nothing.
"""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core import serializers
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db.models import Exists, OuterRef, Prefetch, Subquery, prefetch_related_objects

from pinning import scope
from tests.differential.models import Author, Book, Chapter, Essay, Mark, Tag, Work
from tests.live.conftest import on_each_database
from tests.live.site.late import held, late
from tests.live.site.pair import Pair

pytestmark = on_each_database

_CHAPTERS = Chapter.objects.filter(work=OuterRef("pk"))


@pytest.fixture(autouse=True)
def _late(pair: Pair, aliases: None) -> Iterator[None]:
    with late(pair):
        yield


def write() -> None:
    """Rows that the replica does not get."""
    Work.objects.filter(title="work").update(title="new")
    Book.objects.update(title="new book", pages=20)
    work = Work.objects.get(title="new")
    work.tags.add(Tag.objects.create(name="green"))
    work.marks.create(text="later")
    work.chapter_set.create(name="two")
    Book.objects.get().chapter_set.create(name="more")
    joined = Author.objects.latest("joined").joined
    Author.objects.create(name="cid", joined=joined.replace(year=2030))


def refused(check: Callable[[], None]) -> bool:
    try:
        check()
    except ValidationError:
        return True
    return False


def names(objects: Any) -> list[str]:
    return [each.name for each in objects]


def texts(marks: Any) -> list[str]:
    return [mark.text for mark in marks]


def refreshed(work: Work) -> str:
    work.refresh_from_db()
    return work.title


def prefetched(instance: Any, relation: str) -> Any:
    prefetch_related_objects([instance], relation)
    return instance


def renamed(tag: Tag, name: str) -> Tag:
    tag.name = name
    return tag


def dumped() -> list[str]:
    written = io.StringIO()
    call_command("dumpdata", "differential.tag", stdout=written)
    return [each["fields"]["name"] for each in json.loads(written.getvalue())]


def tags_in(text: str) -> int:
    return len(json.loads(text)[0]["fields"]["tags"])


ONE, TWO = ["one"], ["one", "two"]
MARK, MARKS = ["mark"], ["mark", "later"]
TAGS, MORE_TAGS = ["red", "blue"], ["red", "blue", "green"]

#: The way, and what it shows before and after ``write``.
WAYS: dict[str, tuple[Callable[[Any], Any], Any, Any]] = {
    "foreign key": (lambda it: it.chapter.work.title, "work", "new"),
    "foreign key, backwards": (lambda it: names(it.work.chapter_set.all()), ONE, TWO),
    "many-to-many": (lambda it: names(it.work.tags.all()), TAGS, MORE_TAGS),
    "generic relation": (lambda it: texts(it.work.marks.all()), MARK, MARKS),
    "generic foreign key": (lambda it: it.mark.target.title, "work", "new"),
    "join over a generic relation": (
        lambda it: Work.objects.filter(marks__text="later").count(),
        0,
        1,
    ),
    "subquery of a generic relation": (
        lambda it: Work.objects.get(pk__in=it.work.marks.values("object_id")).title,
        "work",
        "new",
    ),
    "select_related": (
        lambda it: Chapter.objects.select_related("work").get(pk=it.chapter.pk).work.title,
        "work",
        "new",
    ),
    "prefetch_related": (
        lambda it: names(Work.objects.prefetch_related("tags").get(pk=it.work.pk).tags.all()),
        TAGS,
        MORE_TAGS,
    ),
    "prefetch_related of a generic foreign key": (
        lambda it: Mark.objects.prefetch_related("target").get(pk=it.mark.pk).target.title,
        "work",
        "new",
    ),
    "Prefetch with a queryset": (
        lambda it: names(
            Work.objects.prefetch_related(
                Prefetch("chapter_set", Chapter.objects.select_related("editor"))
            )
            .get(pk=it.work.pk)
            .chapter_set.all()
        ),
        ONE,
        TWO,
    ),
    "Prefetch with a generic relation": (
        lambda it: texts(
            Work.objects.prefetch_related(Prefetch("marks", it.work.marks.all()))
            .get(pk=it.work.pk)
            .marks.all()
        ),
        MARK,
        MARKS,
    ),
    "prefetch_related_objects": (
        lambda it: names(prefetched(it.work, "tags").tags.all()),
        TAGS,
        MORE_TAGS,
    ),
    "prefetch_related_objects of a generic foreign key": (
        lambda it: prefetched(it.mark, "target").target.title,
        "work",
        "new",
    ),
    "union": (
        lambda it: names(it.work.tags.all().union(Tag.objects.filter(name="green")).order_by("pk")),
        TAGS,
        MORE_TAGS,
    ),
    "Exists": (
        lambda it: Work.objects.filter(Exists(_CHAPTERS.filter(name="two"))).count(),
        0,
        1,
    ),
    "Subquery": (
        lambda it: (
            Work.objects.annotate(last=Subquery(_CHAPTERS.order_by("-pk").values("name")[:1]))
            .get(pk=it.work.pk)
            .last
        ),
        "one",
        "two",
    ),
    "in_bulk": (
        lambda it: Work.objects.in_bulk([it.work.pk])[it.work.pk].title,
        "work",
        "new",
    ),
    "iterator": (lambda it: names(it.work.tags.iterator(chunk_size=1)), TAGS, MORE_TAGS),
    "raw": (
        lambda it: names(Tag.objects.raw("SELECT * FROM differential_tag ORDER BY id")),
        TAGS,
        MORE_TAGS,
    ),
    "deferred field": (lambda it: it.deferred.title, "work", "new"),
    "refresh_from_db": (lambda it: refreshed(it.work), "work", "new"),
    "child of a parent": (lambda it: it.parent.book.pages, 10, 20),
    "deferred field of a parent's table": (lambda it: it.book.title, "book", "new book"),
    "relation of a child": (lambda it: it.book.chapter_set.count(), 1, 2),
    "proxy": (lambda it: Essay.objects.get(pk=it.essay.pk).title, "work", "new"),
    "relation of a proxy": (lambda it: texts(it.essay.marks.all()), MARK, MARKS),
    # It says using(self._state.db), as a project does, so the primary always answers.
    "get_next_by_": (lambda it: it.ben.get_next_by_joined().name, "cid", "cid"),
    "content type": (
        lambda it: it.mark.content_type.get_object_for_this_type(pk=it.work.pk).title,
        "work",
        "new",
    ),
    "objects of a content type": (
        lambda it: it.mark.content_type.get_all_objects_for_this_type(pk=it.work.pk).get().title,
        "work",
        "new",
    ),
    "full_clean": (lambda it: refused(renamed(it.red, "green").full_clean), False, True),
    "validate_unique": (
        lambda it: refused(Chapter(work=it.work, name="two").validate_unique),
        False,
        True,
    ),
    "validate_constraints": (
        lambda it: refused(renamed(it.red, "red").validate_constraints),
        False,
        False,
    ),
    "serializer": (lambda it: tags_in(serializers.serialize("json", [it.work])), 2, 3),
    "deserializer": (
        lambda it: next(
            serializers.deserialize("json", serializers.serialize("json", [it.work]))
        ).object.chapter_set.count(),
        1,
        2,
    ),
}


def test_who_has_written_sees_it():
    write()
    assert seen_with(touch) == {way: new for way, (_, _, new) in WAYS.items()}


def test_who_has_not_sees_what_the_replica_has():
    write()
    assert seen_with(lambda: None) == {way: old for way, (_, old, _) in WAYS.items()}


def touch() -> None:
    Author.objects.filter(name="ben").update(name="ben")


def seen_with(work: Callable[[], None]) -> dict[str, Any]:
    """What each way shows in a scope of its own, which has done ``work`` since it read."""
    seen: dict[str, Any] = {}
    for way, (see, _, _) in WAYS.items():
        with scope():
            objects = held()
            work()
            seen[way] = see(objects)
    return seen


def test_dumpdata_writes_what_the_primary_has():
    with scope():
        held()
        write()
        assert dumped() == MORE_TAGS
