"""Every kind of value arrives as it was, and nobody is told of it."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError
from django.db import connections
from django.db.models import signals
from django.test.utils import CaptureQueriesContext

from pinning.move import moved, values
from tests.differential.models import Author, Book, Mark, Tag, Work
from tests.move.models import Thing
from tests.move.things import make, state

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "orders"])


@pytest.fixture
def follow(site, settings):
    made = []

    def follow(app, first):
        made.append(moved(first, from_="default", to="orders"))
        settings.PINNING = {**site, "MODELS": {app: made[0]}}

    yield follow
    made[0].close()


def test_each_kind_of_value(follow, run):
    follow("move", "move.Thing")
    make("default")
    before = state("default")
    sent = []
    for signal in (signals.pre_init, signals.pre_save, signals.post_save, signals.pre_delete):
        signal.connect(
            lambda **told: sent.append(told), weak=False, dispatch_uid="told", sender=Thing
        )
    run(labels=("move.Thing",))
    for signal in (signals.pre_init, signals.pre_save, signals.post_save, signals.pre_delete):
        signal.disconnect(dispatch_uid="told", sender=Thing)
    assert state("orders") == before
    assert sent == []


def test_long_rows_are_written_by_several_statements(follow, run, monkeypatch):
    """MariaDB refuses one that is longer than max_allowed_packet."""
    monkeypatch.setattr(values, "_LONGEST_INSERT", 3000)
    follow("move", "move.Thing")
    rows = [Thing(name=str(number), blob=b"x" * 1000) for number in range(5)]
    Thing.objects.using("default").bulk_create(rows)
    with CaptureQueriesContext(connections["orders"]) as queries:
        run(labels=("move.Thing",))
    assert sum('INSERT INTO "move_thing"' in each["sql"] for each in queries) == 3
    assert state("orders") == state("default")


WORKS = tuple(f"differential.{name}" for name in ("Work", "Author", "Tag", "Mark", "Chapter"))


@pytest.fixture
def works(follow):
    """Content types have other numbers there."""
    follow("differential", "differential.Work")
    author = Author.objects.using("default").create(name="ada", joined="2026-01-01T00:00Z")
    book = Book.objects.using("default").create(author=author, title="one", pages=7)
    book.cites.add(book.work_ptr)
    book.tags.add(Tag.objects.using("default").create(name="new"))
    Mark.objects.using("default").create(target=book, text="good", by=author)
    types = ContentType.objects.using("orders")
    ContentType.objects.clear_cache()
    types.filter(app_label="differential").delete()
    ContentType.objects.using("orders").create(app_label="differential", model="book")
    yield
    ContentType.objects.clear_cache()


def test_relations_of_each_kind(works, run):
    run(labels=WORKS)
    ContentType.objects.clear_cache()
    (work,) = Work.objects.using("orders")
    assert (work.book.pages, work.author.name, work.cites.get(), work.tags.get().name) == (
        *(7, "ada", work, "new"),
    )
    mark = Mark.objects.using("orders").get()
    assert (mark.target, mark.by.name) == (work.book, "ada")
    old = Mark.objects.using("default").get()
    assert old.content_type_id != mark.content_type_id


def test_a_content_type_that_is_missing_is_told(works, run):
    ContentType.objects.using("orders").filter(app_label="differential").delete()
    with pytest.raises(CommandError, match="no content type differential.book"):
        run(labels=WORKS)
