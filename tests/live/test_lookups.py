"""find_or_create and read_connection on a replica that lags, and on one that dies."""

import pytest
from django.db import Error

from pinning import Reason, find_or_create, read_connection, scope, source_of
from tests.live.site.pair import Pair
from tests.notes.models import Tag


def count_tags() -> tuple[str, int]:
    connection = read_connection()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM notes_tag")
        return connection.alias, cursor.fetchone()[0]


def test_what_a_late_replica_does_not_have_is_not_created_again(pair: Pair, aliases):
    pair.replica.pause_replay()
    with scope() as work:
        made, is_new = find_or_create(Tag.objects, name="tag")
        assert is_new
        assert work.has_written("default")
    with scope() as work:  # somebody else, whom the write pins not
        found, is_new = find_or_create(Tag.objects, name="tag")
        assert (found, source_of(found), is_new) == (made, "default", False)
        assert not work.has_written("default")
    pair.replica.resume_replay()
    pair.replica.wait_until_caught_up()
    with scope() as work:
        found, is_new = find_or_create(Tag.objects, name="tag")
        assert (found, source_of(found), is_new) == (made, "replica1", False)
        found.name = "renamed"
        found.save()
        assert work.has_written("default")
    assert pair.execute("SELECT name FROM notes_tag") == [("renamed",)]


def test_raw_sql_reads_where_the_router_would(pair: Pair, aliases):
    pair.replica.pause_replay()
    with scope() as work:
        assert count_tags() == ("replica1", 0)
        Tag.objects.create(name="tag")
        assert count_tags() == ("default", 1)
    assert work.reads == {"default": {Reason.REPLICA: 1, Reason.WRITTEN: 1}}


def test_raw_sql_is_not_run_again_when_its_replica_dies(pair: Pair, aliases):
    with scope():
        connection = read_connection()
        assert connection.alias == "replica1"
        pair.replica.kill()
        try:
            with pytest.raises(Error), connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM notes_tag")
            assert count_tags() == ("default", 0)
        finally:
            pair.replica.start()
            pair.replica.wait_until_streaming()
