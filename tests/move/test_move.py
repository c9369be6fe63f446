"""Rows move from one database to another: all of them, as they were, and none twice."""

import pytest
from django.core.management import CommandError
from django.db import IntegrityError, connections

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
    from pinning.move.move import Move

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
