"""Writes that pin nobody: the block ``unpinned``, and UNPINNED_MODELS in the scope that writes."""

import asyncio

import pytest
from asgiref.sync import async_to_sync
from django.db import IntegrityError, connection, connections, transaction
from django.db.models import F
from django.http import HttpResponse, StreamingHttpResponse
from django.utils.decorators import method_decorator
from django.views import View

from pinning import Reason, Scope, mark_written, scope, unpinned
from pinning.conf.clusters import clusters
from pinning.reads.decision import decide
from pinning.scopes.scope import current_scope
from tests.docs.visits import get, has_pinned, reasons
from tests.notes.models import Audit, Note, Tag

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def reason() -> Reason:
    return decide(clusters().named("default"), Note, None, current_scope())[1]


def is_pinned(work: Scope) -> bool:
    return work.has_written("default") or work.has_unsaved_writes()


WRITES = [
    lambda: Note.objects.create(text="new"),
    lambda: Note.objects.update(text="newer"),
    lambda: Note.objects.bulk_create([Note(text="new")], ignore_conflicts=True),
    lambda: Note.objects.first().delete(),
    lambda: connection.cursor().execute("WITH a AS (SELECT 1) DELETE FROM notes_note"),
    lambda: connection.cursor().executemany("UPDATE notes_note SET text = %s", [["a"], ["b"]]),
]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("is_atomic", [False, True])
def test_a_write_in_the_block_pins_nobody_and_binds_its_scope(write, is_atomic):
    Note.objects.create(text="new")
    with scope() as work:
        assert reason() == Reason.REPLICA
        with unpinned():
            if is_atomic:
                with transaction.atomic():
                    write()
            else:
                write()
        assert not is_pinned(work)
        assert reason() == Reason.WRITTEN
    with scope():
        assert reason() == Reason.REPLICA


def test_a_scope_around_is_bound_as_well():
    with scope() as outer, scope(), unpinned():
        Note.objects.create(text="new")
    assert not is_pinned(outer)
    assert outer.bound("default") == Reason.WRITTEN


def test_a_read_in_the_block_binds_nothing():
    with scope(), unpinned():
        Note.objects.count()
        assert reason() == Reason.REPLICA


def test_a_write_outside_the_block_pins_in_the_same_transaction():
    with scope() as work, transaction.atomic():
        with unpinned():
            Note.objects.create(text="unpinned")
        Note.objects.create(text="pinned")
    assert is_pinned(work)


def test_a_transaction_that_ends_in_the_block_pins_what_was_written_before_it():
    with scope() as work:
        transaction.set_autocommit(False)
        Note.objects.create(text="pinned")
        with unpinned():
            Note.objects.create(text="unpinned")
            transaction.commit()
        transaction.set_autocommit(True)
    assert is_pinned(work)


def test_mark_written_pins_in_the_block():
    with scope() as work, unpinned():
        mark_written()
    assert is_pinned(work)


def test_a_refused_write_pins_nobody():
    Tag.objects.create(name="one")
    with scope() as work, unpinned():
        with pytest.raises(IntegrityError):
            Tag.objects.create(name="one")
        assert not is_pinned(work)
        assert reason() == Reason.LOCKED


@unpinned
def counted(request):
    Note.objects.update(text=F("text"))
    return HttpResponse(Note.objects.count())


@unpinned()
async def acounted(request):
    await Note.objects.aupdate(text=F("text"))
    return HttpResponse(await Note.objects.acount())


@method_decorator(unpinned, name="dispatch")
class Counted(View):
    def get(self, request):
        return counted.__wrapped__(request)


@pytest.mark.parametrize("view", [counted, acounted, Counted.as_view()])
def test_a_view_that_is_decorated_pins_nobody(view):
    Note.objects.create(text="old")
    response = get(view)
    assert (response.content, reasons(response)) == (b"1", [Reason.WRITTEN])
    assert not has_pinned(response)


def test_what_a_decorated_view_streams_pins_nobody(caplog):
    @unpinned
    def view(request):
        return StreamingHttpResponse(str(Note.objects.create(text="part").pk) for _ in range(2))

    response = get(view)
    assert list(response.streaming_content)
    assert not caplog.records


def test_tasks_that_run_together_do_not_share_the_block():
    async def write(is_unpinned):
        async with scope() as work:
            if is_unpinned:
                with unpinned():
                    await asyncio.sleep(0)
                    await Note.objects.acreate(text="new")
            else:
                await Note.objects.acreate(text="new")
            return is_pinned(work)

    async def both():
        return await asyncio.gather(write(True), write(False))

    assert async_to_sync(both)() == [False, True]


def test_a_model_that_only_pins_nobody_is_read_on_the_primary_after_a_write(settings):
    settings.PINNING = {**settings.PINNING, "UNPINNED_MODELS": ["notes.Audit"]}
    with scope() as work:
        Audit.objects.create(text="seen")
        assert not is_pinned(work)
        assert reason() == Reason.WRITTEN


def test_a_table_of_the_same_name_in_another_cluster_pins(settings):
    replicas = {"default": ["replica1"], "orders": ["orders1"]}
    lists = {"UNPINNED_MODELS": ["notes.Audit"], "MODELS": {"shop": "orders"}}
    settings.PINNING = {**settings.PINNING, "REPLICAS": replicas, **lists}
    with scope() as work, connections["orders"].cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS notes_audit (text text)")
        work.take_pins()
        cursor.execute("INSERT INTO notes_audit (text) VALUES ('new')")
        assert work.has_unsaved_writes()
        cursor.execute("DROP TABLE notes_audit")


def test_a_model_that_is_read_from_the_primary_anyway_binds_nothing(settings):
    both = ["notes.Audit"]
    settings.PINNING = {**settings.PINNING, "UNPINNED_MODELS": both, "PRIMARY_MODELS": both}
    with scope(), unpinned():
        Audit.objects.create(text="seen")
        assert reason() == Reason.REPLICA
