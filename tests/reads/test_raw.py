"""read_connection: where the router would send a read, counted as one."""

import pytest
from asgiref.sync import async_to_sync
from django.db import connections, transaction

from pinning import Reason, read_connection, scope, use_primary, use_replica
from pinning.exceptions import UnknownClusterError
from tests.notes.models import Audit, Note
from tests.shop.models import Order

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

TWO = {"REPLICAS": {"default": ["replica1"], "orders": ["orders1"]}, "MODELS": {"shop": "orders"}}


def reads(work):
    return work.reads.get("default", {})


def test_it_is_a_replica_s_where_nothing_speaks_against_it():
    with scope() as work:
        assert read_connection() is connections["replica1"]
    assert reads(work) == {Reason.REPLICA: 1}


def test_outside_of_a_scope_it_is_the_primary_s():
    assert read_connection() is connections["default"]


def test_after_a_write_it_is_the_primary_s():
    with scope() as work:
        Note.objects.create(text="new")
        assert read_connection() is connections["default"]
    assert reads(work) == {Reason.WRITTEN: 1}


def test_in_a_transaction_it_is_the_primary_s():
    with scope() as work, transaction.atomic():
        assert read_connection() is connections["default"]
    assert reads(work) == {Reason.TRANSACTION: 1}


def test_overrides_hold():
    with scope():
        with use_primary():
            assert read_connection() is connections["default"]
        Note.objects.create(text="new")
        with use_replica():
            assert read_connection() is connections["replica1"]


def test_a_primary_model_is_minded(settings):
    settings.PINNING = {"REPLICAS": {"default": ["replica1"]}, "PRIMARY_MODELS": ["notes.Audit"]}
    with scope():
        assert read_connection(model=Audit) is connections["default"]
        assert read_connection(model=Note) is connections["replica1"]


def test_the_cluster_is_named_or_the_model_s(settings):
    settings.PINNING = TWO
    with scope() as work:
        for given in ({"cluster": "orders"}, {"cluster": "orders1"}, {"model": Order}):
            assert read_connection(**given) is connections["orders1"]
    assert work.reads == {"orders": {Reason.REPLICA: 3}}


def test_an_unknown_cluster_is_an_error():
    with pytest.raises(UnknownClusterError, match="nowhere"):
        read_connection("nowhere")


def test_it_is_in_the_trace():
    with scope() as work:
        work.trace = []
        read_connection()
        read_connection(model=Note)
    assert [read[:3] for read in work.trace] == [
        ("raw SQL", "replica1", Reason.REPLICA),
        ("notes.Note", "replica1", Reason.REPLICA),
    ]


def test_on_an_event_loop_it_is_the_primary_s_whatever_was_settled():
    async def ask():
        await Note.objects.acount()
        return read_connection().alias

    with scope() as work:
        assert async_to_sync(ask)() == "default"
    assert reads(work) == {Reason.REPLICA: 1, Reason.EVENT_LOOP: 1}
