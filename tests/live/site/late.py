"""The rows of the programs on two servers, of which the replica is late, and objects from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from django.contrib.contenttypes.models import ContentType
from django.db import connection

from pinning import source_of
from pinning.testing.pair import Pair
from tests.differential import rows
from tests.differential.models import Author, Book, Chapter, Essay, Mark, Tag, Work


def fill() -> None:
    """The primary has the rows of the programs alone, with the same keys each time."""
    rows.remove(connection)
    rows.create()


@contextmanager
def late(pair: Pair) -> Iterator[None]:
    """A block in which both servers have the rows. The replica gets no more."""
    ContentType.objects.clear_cache()
    fill()
    pair.catch_up()
    with pair.paused():
        yield
    ContentType.objects.clear_cache()
    rows.remove(connection)


def held() -> SimpleNamespace:
    """Objects from the replica."""
    work = Work.objects.get(title="work")
    objects = {
        "ann": Author.objects.get(name="ann"),
        "ben": Author.objects.get(name="ben"),
        "red": Tag.objects.get(name="red"),
        "blue": Tag.objects.get(name="blue"),
        "work": work,
        "deferred": Work.objects.only("number").get(pk=work.pk),
        "parent": Work.objects.get(title="book"),
        "book": Book.objects.only("pages").get(),
        "other": Work.objects.get(title="other"),
        "essay": Essay.objects.get(title="work"),
        "chapter": Chapter.objects.get(work=work),
        "mark": Mark.objects.get(text="mark"),
    }
    assert {source_of(each) for each in objects.values()} == {"replica1"}
    return SimpleNamespace(**objects)
