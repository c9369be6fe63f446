"""What a migration has made is read where it is: a replica that lags has it later."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import ProgrammingError, models
from django.db.models.expressions import RawSQL

from pinning import Reason, scope, use_replica
from tests.live.conftest import on_each_database
from tests.live.site.pair import Pair
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


def test_what_no_server_has_is_an_error_as_ever(pair_here: Pair):
    with scope(), pytest.raises(ProgrammingError, match="notes_review"):
        Review.objects.count()
    with scope():
        assert Audit.objects.count() == 0
