"""What a migration has made is read where it is: a replica that lags has it later."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, ProgrammingError, connections, models
from django.db.models.expressions import RawSQL

from pinning import Reason, scope, use_replica
from tests.live.conftest import on_each_database
from tests.live.site.clients import soon
from tests.live.site.pair import DATABASE, Pair
from tests.notes.models import Audit

pytestmark = on_each_database


class Review(models.Model):
    """Of a table that is made in a test."""

    text = models.TextField()

    class Meta:
        app_label = "notes"
        managed = False


@pytest.fixture
def migrated(pair_here: Pair) -> Iterator[Pair]:
    """A table and a column are new, and the replica has neither."""
    with scope():
        Audit.objects.count()  # connected
    pair_here.replica.pause_replay()
    pair_here.execute("CREATE TABLE notes_review (id integer PRIMARY KEY, text varchar(9))")
    pair_here.execute("ALTER TABLE notes_audit ADD COLUMN mark integer")
    yield pair_here
    pair_here.execute("ALTER TABLE notes_audit DROP COLUMN mark")
    pair_here.execute("DROP TABLE notes_review")
    pair_here.catch_up()


def marks() -> list[Any]:
    return list(Audit.objects.annotate(mark=RawSQL("notes_audit.mark", ())).values_list("mark"))


def test_the_primary_answers_until_the_replica_has_it(migrated: Pair):
    with scope() as work:
        assert Review.objects.count() == 0
        assert list(Review.objects.iterator()) == []
        assert marks() == []
        assert Audit.objects.count() == 0
    assert work.reads["default"].keys() == {Reason.REPLICA}, "the replica is well"
    assert work.reruns == {"default": 3}
    with use_replica():
        assert Review.objects.count() == 0
    migrated.catch_up()
    with scope() as work:
        assert (Review.objects.count(), marks()) == (0, [])
    assert work.reruns == {}


#: OPTIONS by which a query gives up a table that is locked; how many wait for a lock.
WAITS = {
    "postgresql": ({"options": "-c lock_timeout=300"}, "pg_locks WHERE NOT granted"),
    "mysql": (
        {"init_command": "SET lock_wait_timeout = 1"},
        "information_schema.processlist WHERE state LIKE 'Waiting for table metadata lock%'",
    ),
}


@pytest.fixture
def locked(vendor: str, pair_here: Pair) -> Iterator[None]:
    """On the replica a migration waits for a long query, and all that come later wait for it."""
    options, waiting = WAITS["postgresql" if vendor == "postgresql" else "mysql"]
    for alias in ("default", "replica1"):
        connections.settings[alias]["OPTIONS"] |= options
    with scope():
        Audit.objects.count()  # connected
    with contextlib.closing(connections["replica1"].copy()) as long, long.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT count(*) FROM notes_audit")
        pair_here.execute("ALTER TABLE notes_audit ADD COLUMN mark integer")
        count = f"SELECT count(*) FROM {waiting}"
        assert soon(lambda: pair_here.replica.execute(count, None, DATABASE)[0][0])
        yield
    pair_here.execute("ALTER TABLE notes_audit DROP COLUMN mark")


@pytest.mark.usefixtures("locked")
def test_the_primary_answers_who_waits_for_a_lock_on_the_replica():
    """Where the replica's OPTIONS tell how long: nobody waits for the longest query there."""
    with scope() as work:
        assert Audit.objects.count() == 0
        assert Audit.objects.count() == 0
    assert work.reruns == {"default": 1}
    assert work.reads == {"default": {Reason.REPLICA: 1, Reason.NO_REPLICA: 1}}
    with use_replica(), pytest.raises(OperationalError):
        Audit.objects.count()


def test_what_no_server_has_is_an_error_as_ever(pair_here: Pair):
    with scope(), pytest.raises(ProgrammingError, match="notes_review"):
        Review.objects.count()
    with scope():
        assert Audit.objects.count() == 0
