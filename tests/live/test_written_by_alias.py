"""What Django writes by the alias of an object or a queryset, on a replica that is late.

Objects from the replica lead to what is written. The rows are then looked at on the primary.
"""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db import transaction
from django.db.models import F, signals
from django.test import Client
from django.urls import reverse

from pinning import scope, source_of
from tests.differential.models import Author, Book, Chapter, Mark, Tag, Work
from tests.live.conftest import on_each_database
from tests.live.site.late import fill, held, late
from tests.live.site.pair import Pair
from tests.notes.models import Attachment, Note
from tests.notes.models import Tag as Label

pytestmark = on_each_database


@pytest.fixture(autouse=True)
def _late(pair: Pair, aliases: None) -> Iterator[None]:
    with late(pair):
        yield


def write() -> None:
    """Somebody else does, and the replica does not get it."""
    Work.objects.filter(title="work").update(title="new")
    work = Work.objects.get(title="new")
    work.tags.add(Tag.objects.create(name="green"))
    work.marks.create(text="later")
    work.chapter_set.create(name="two", editor=Author.objects.get(name="ben"))


def changed(instance: Any, **values: Any) -> Any:
    for name, value in values.items():
        setattr(instance, name, value)
    return instance


# Where to look: at the work that was called "work", or at what is left.


def row() -> tuple[Any, ...]:
    return tuple(Work.objects.values_list("title", "number").get(pk=1))


def chapters() -> list[str]:
    return list(Chapter.objects.filter(work=1).values_list("name", flat=True))


def edited() -> list[str]:
    return list(Chapter.objects.filter(editor__name="ben").values_list("name", flat=True))


def tags() -> list[str]:
    return list(Tag.objects.filter(work=1).values_list("name", flat=True))


def marks() -> list[str]:
    return list(Work.objects.get(pk=1).marks.values_list("text", flat=True))


def cited() -> list[str]:
    return list(Work.objects.filter(work=3).values_list("title", flat=True))


def pages() -> list[tuple[Any, ...]]:
    return list(Book.objects.values_list("title", "pages"))


def left() -> list[int]:
    return [model.objects.count() for model in (Work, Book, Chapter, Mark)]


NEW, TWO = ("new", 5), ["one", "two"]

#: The way, where to look, and what is there.
WAYS: dict[str, tuple[Callable[[Any], Any], Callable[[], Any], Any]] = {
    "save, deferred fields": (lambda it: changed(it.deferred, number=5).save(), row, NEW),
    "save, one field": (
        lambda it: changed(it.work, number=5).save(update_fields=["number"]),
        row,
        NEW,
    ),
    "save, using": (
        lambda it: changed(it.deferred, number=5).save(using=it.deferred._state.db),
        row,
        NEW,
    ),
    "save, expression": (lambda it: changed(it.deferred, number=F("number") + 5).save(), row, NEW),
    "save, proxy": (
        lambda it: changed(it.essay, number=5).save(update_fields=["number"]),
        row,
        NEW,
    ),
    "save, child": (lambda it: changed(it.book, pages=11).save(), pages, [("book", 11)]),
    "save, foreign key": (lambda it: changed(it.chapter, work=it.other).save(), chapters, ["two"]),
    "save, generic foreign key": (
        lambda it: changed(it.mark, target=it.other).save(),
        marks,
        ["later"],
    ),
    "bulk_update": (
        lambda it: Work.objects.bulk_update([changed(it.work, number=5)], ["number"]),
        row,
        NEW,
    ),
    "update of a relation": (lambda it: it.ann.work_set.update(number=5), row, NEW),
    "update_or_create": (
        lambda it: it.ann.work_set.update_or_create(title="new", defaults={"number": 5}),
        row,
        NEW,
    ),
    "get_or_create": (lambda it: it.work.chapter_set.get_or_create(name="two"), chapters, TWO),
    "delete": (lambda it: it.work.delete(), left, [2, 1, 1, 1]),
    "delete, using": (lambda it: it.work.delete(using=it.work._state.db), left, [2, 1, 1, 1]),
    "delete, parent": (lambda it: it.parent.delete(), left, [2, 0, 2, 3]),
    "delete, child": (lambda it: it.book.delete(), left, [2, 0, 2, 3]),
    "delete, relation": (lambda it: it.work.chapter_set.all().delete(), chapters, []),
    "delete, generic relation": (lambda it: it.work.marks.all().delete(), marks, []),
    "foreign key: add": (lambda it: it.other.chapter_set.add(it.chapter), chapters, ["two"]),
    "foreign key: add, saved": (
        lambda it: it.other.chapter_set.add(it.chapter, bulk=False),
        chapters,
        ["two"],
    ),
    "foreign key: set": (lambda it: it.ben.edited.set([it.chapter]), edited, ["one"]),
    "foreign key: remove": (lambda it: it.ben.edited.remove(it.chapter), edited, ["two"]),
    "foreign key: clear": (lambda it: it.ben.edited.clear(), edited, []),
    "foreign key: create": (
        lambda it: it.work.chapter_set.create(name="three"),
        chapters,
        ["one", "two", "three"],
    ),
    "many-to-many: add": (
        lambda it: it.other.cites.add(it.parent, it.other),
        cited,
        ["new", "book", "other"],
    ),
    "many-to-many: set": (lambda it: it.work.tags.set([it.red]), tags, ["red"]),
    "many-to-many: remove": (lambda it: it.work.tags.remove(it.blue), tags, ["red", "green"]),
    "many-to-many: clear": (lambda it: it.work.tags.clear(), tags, []),
    "generic relation: add": (lambda it: it.other.marks.add(it.mark), marks, ["later"]),
    "generic relation: add, saved": (
        lambda it: it.other.marks.add(it.mark, bulk=False),
        marks,
        ["later"],
    ),
    "generic relation: set": (lambda it: it.work.marks.set([it.mark]), marks, ["mark"]),
    "generic relation: remove": (lambda it: it.work.marks.remove(it.mark), marks, ["later"]),
    "generic relation: clear": (lambda it: it.work.marks.clear(), marks, []),
}


def test_the_right_rows_are_written():
    found = {}
    for way, (act, look, _) in WAYS.items():
        fill()
        write()
        with scope():
            act(held())
        found[way] = look()
    assert found == {way: rows for way, (_, _, rows) in WAYS.items()}


def test_signals_say_the_primary_s_alias():
    told = []

    def hear(using: str, **_: object) -> None:
        told.append((type(using), using))

    kinds = (signals.pre_save, signals.post_save, signals.pre_delete, signals.post_delete)
    for kind in (*kinds, signals.m2m_changed):
        kind.connect(hear)
    try:
        with scope():
            it = held()
            it.work.save(using=it.work._state.db)
            it.work.tags.add(it.red)
            it.work.delete()
    finally:
        for kind in (*kinds, signals.m2m_changed):
            kind.disconnect(hear)
    assert len(told) > 6
    assert {alias for _, alias in told} == {"default"}


def test_a_callback_by_an_object_s_alias_runs_after_the_commit():
    with scope():
        it, heard = held(), []
        with transaction.atomic(using=it.work._state.db):
            transaction.on_commit(lambda: heard.append(row()), using=it.work._state.db)
            changed(it.deferred, number=5).save()
            assert heard == []
        assert heard == [("work", 5)]


def test_what_is_rolled_back_by_an_object_s_alias_is_not_written():
    with scope():
        it = held()
        with transaction.atomic(using=Work.objects.all().db):
            changed(it.deferred, number=5).save()
            transaction.set_rollback(True, using=it.work._state.db)
    assert row() == ("work", 0)


def test_fixtures_are_loaded_into_the_primary(tmp_path: Path):
    file = tmp_path / "tags.json"
    with scope():
        held()
        write()
        call_command("dumpdata", "differential.tag", output=str(file), verbosity=0)
        Tag.objects.all().delete()
        call_command("loaddata", str(file), verbosity=0, stdout=io.StringIO())
        assert [tag.name for tag in Tag.objects.all()] == ["red", "blue", "green"]


def test_a_permission_that_was_just_given_counts():
    with scope():
        user = User.objects.get(username="writer")
        assert source_of(user) == "replica1"
        user.user_permissions.add(Permission.objects.get_by_natural_key(*_MAY_ADD))
        try:
            assert user.get_user_permissions() == {"differential.add_tag"}
            assert User.objects.get(pk=user.pk).has_perm("differential.add_tag")
        finally:
            user.user_permissions.clear()


_MAY_ADD = ("add_tag", "differential", "tag")


@pytest.fixture
def admin(pair: Pair) -> Iterator[Client]:
    """Signed in on both servers. The replica then falls behind."""
    pair.catch_up()
    client, user = Client(), User.objects.create_superuser("admin")
    client.force_login(user)
    pair.catch_up()
    pair.replica.pause_replay()
    yield client
    user.delete()


def test_the_admin_goes_on_with_what_the_replica_has_not(admin: Client):
    admin.post(reverse("admin:notes_tag_add"), {"name": "red"})
    note = {"text": "note", "author": User.objects.get(username="admin").pk}
    tags = {"tags": list(Label.objects.values_list("pk", flat=True))}
    inline = {"attachment_set-TOTAL_FORMS": 1, "attachment_set-INITIAL_FORMS": 0}
    picture = {"attachment_set-0-name": "picture"}
    answer = admin.post(reverse("admin:notes_note_add"), {**note, **tags, **inline, **picture})
    assert answer.status_code == 302
    pages = {
        name: reverse(f"admin:notes_note_{name}", args=[Note.objects.get().pk])
        for name in ("change", "history", "delete")
    }
    text = {name: admin.get(page).content.decode() for name, page in pages.items()}
    assert 'value="picture"' in text["change"]
    assert "Added." in text["history"]
    assert str(Attachment.objects.get()) in text["delete"]
    assert admin.post(pages["delete"], {"post": "yes"}).status_code == 302
    assert not Note.objects.exists()
    assert not Attachment.objects.exists()
