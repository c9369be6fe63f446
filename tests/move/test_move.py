"""Rows move from one database to another: all of them, as they were, and none twice."""

import threading
import time
from contextlib import suppress

import pytest
from django.core.management import CommandError
from django.db import DatabaseError, IntegrityError, connections

from pinning.move import MoveError, UnknownHomeError, lease
from pinning.move import move as moves
from pinning.move.move import Move
from tests.shop.models import GiftOrder, Line, Order, Product

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "orders"])


@pytest.fixture
def rows(site) -> None:
    product = Product.objects.using("default").create(name="tea")
    for text in ("one", "two"):
        order = Order.objects.using("default").create(text=text)
        order.products.add(product)
        Line.objects.using("default").create(order=order, text=text)
    GiftOrder.objects.using("default").create(text="three", card="for you")


def state(alias):
    return (
        list(Order.objects.using(alias).order_by("pk").values_list("pk", "text")),
        list(Line.objects.using(alias).order_by("pk").values_list("pk", "order_id", "text")),
        list(GiftOrder.objects.using(alias).values_list("pk", "card")),
        list(Order.products.through.objects.using(alias).values_list("order_id", "product_id")),
    )


def test_all_rows_are_there_and_the_site_goes_on_there(rows, run):
    before = state("default")
    said = run()
    assert state("orders") == before
    assert "shop.Order: 3 rows, checksum" in said
    assert Order.objects.create(text="four")._state.db == "orders"
    assert Order.objects.count() == 4


def test_the_source_refuses_writes_for_good(rows, run):
    run()
    for write in (
        lambda: Order.objects.using("default").create(text="x"),
        lambda: Line.objects.using("default").update(text="x"),
        lambda: Line.objects.using("default").all().delete(),
    ):
        with pytest.raises(IntegrityError, match="shop.order"):
            write()


def test_dropping_leaves_nothing_but_what_refuses(rows, run, site, settings):
    run()
    settings.PINNING = {**site, "MODELS": {"shop": "orders"}}
    before = state("orders")
    run("--drop")
    assert state("default") == ([], [], [], [])
    assert state("orders") == before
    assert names("orders") == set()
    with pytest.raises(IntegrityError):
        Order.objects.using("default").create(text="x")
    run("--forget")
    assert names("default") == set()


def test_taking_it_back_leaves_nothing(rows, run, monkeypatch):
    monkeypatch.setattr(Move, "_switch", lambda self: None)
    before = state("default")
    run()
    assert state("orders") == before
    run("--abort")
    assert state("orders") == ([], [], [], [])
    assert state("default") == before
    assert names("default") == names("orders") == set()
    Order.objects.using("default").create(text="x")


def names(alias):
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE name LIKE 'pinning_move%%'")
        return {name for (name,) in cursor.fetchall() if "index" not in name}


def test_a_dry_run_changes_nothing(rows, run):
    said = run("--dry-run")
    print(said)
    assert "shop_order " in said
    assert names("default") == names("orders") == set()


def test_no_way_back(rows, run):
    run()
    with pytest.raises(CommandError, match="no way back"):
        run("--abort")


def test_the_target_opens_when_no_process_looks_into_the_source(rows, run, site, monkeypatch):
    """A process that takes a write there at once must not be told of the old place after that."""
    home, late, is_over = site["MODELS"]["shop.Order"], [], threading.Event()

    def answer():
        try:
            return home()
        except UnknownHomeError:
            return "unknown"

    def look():
        while not is_over.wait(0.01):
            with suppress(DatabaseError):
                Product.objects.using("orders").create(name="early")
                late.append(answer())
        connections["orders"].close()

    def close(self):
        home.close()
        home()  # the last answer, which holds for some seconds
        thread.start()
        closing(self)

    closing, thread = Move._close, threading.Thread(target=look)
    monkeypatch.setattr(Move, "_close", close)
    monkeypatch.setattr(lease, "_INTERVAL_SECONDS", 60.0)
    for module in (moves, lease):
        monkeypatch.setattr(module, "LEASE_SECONDS", 4.0)
    try:
        run()
        time.sleep(0.2)
    finally:
        is_over.set()
        thread.join()
    assert late
    assert "default" not in late


def test_what_changes_after_the_comparison_is_copied_by_the_log(rows, run, monkeypatch):
    def change(self):
        compare(self)
        Order.objects.using("default").filter(text="one").update(text="new")
        Line.objects.using("default").filter(text="two").delete()

    compare = Move._compare_all
    monkeypatch.setattr(Move, "_compare_all", change)
    monkeypatch.setattr(moves, "_QUICK_SECONDS", 0.0)
    run()
    assert state("orders") == state("default")
    assert Order.objects.using("orders").filter(text="new").exists()


def test_the_switch_is_told_when_the_target_s_replicas_have_the_rows(rows, run, monkeypatch):
    told = []

    def wait(cluster, seconds):
        told.append((cluster.primary, Order.objects.using("orders").count(), phase()))

    monkeypatch.setattr(moves, "wait_for_replicas", wait)
    run()
    assert ("orders", 3, "closed") in told
    assert [each for each in told if each[2] == "moved"] == [("default", 3, "moved")]


def test_where_it_fails_the_source_takes_writes_again(rows, run, monkeypatch):
    def fail(cluster, seconds):
        if phase() == "closed":
            raise MoveError("a replica is late")

    monkeypatch.setattr(moves, "wait_for_replicas", fail)
    with pytest.raises(CommandError, match="a replica is late"):
        run()
    assert Order.objects.create(text="x")._state.db == "default"


def test_a_row_that_differs_from_its_copy_is_not_dropped(rows, run, site, settings):
    run()
    settings.PINNING = {**site, "MODELS": {"shop": "orders"}}
    with connections["orders"].cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE name LIKE 'pinning_move_log%%'")
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TRIGGER {name}")
    Order.objects.using("orders").filter(text="one").update(text="lost")
    with pytest.raises(CommandError, match=r"shop.Order \d+ is not in 'orders' as it was here"):
        run("--drop")
    assert Order.objects.using("default").filter(text="one").exists()


def test_a_row_that_has_changed_there_since_is_dropped(rows, run, site, settings):
    run()
    settings.PINNING = {**site, "MODELS": {"shop": "orders"}}
    Order.objects.filter(text="one").update(text="new")
    Line.objects.filter(text="two").delete()
    run("--drop")
    assert state("default") == ([], [], [], [])
    assert Order.objects.filter(text="new").exists()


def test_new_rows_get_new_numbers(rows, run):
    last = Order.objects.using("default").create(text="gone")
    Order.objects.using("default").filter(pk=last.pk).delete()
    run()
    time.sleep(0.3)
    assert Order.objects.create(text="new").pk > last.pk


def phase():
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT value FROM pinning_moves WHERE part = 'phase'")
        return cursor.fetchone()[0]
