"""What cannot be moved is told, and nothing is changed."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import override_settings

from pinning.move import moved
from tests.move.conftest import LABELS
from tests.shop.models import Order

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "orders"])

BAD = [
    (("shop.Nothing",), {}, "no model 'shop.Nothing'"),
    (("shop",), {}, "no model 'shop'"),
    (("shop.UrgentOrder",), {}, "those of shop.Order"),
    (LABELS, {"to": "nowhere"}, "no cluster 'nowhere'"),
    (LABELS, {"to": "default"}, "is in 'default' already"),
    (LABELS, {"where": "text=x"}, "would come along"),
    (("shop.Product",), {"where": "nothing=x"}, "of a field of shop.Product"),
    (("shop.Product",), {"where": "id=x"}, "--where 'id=x'"),
    (("shop.Order",), {}, "shop.Line.order leads here and stays"),
    (("shop.Line",), {}, "shop.Line.order leads to shop.Order, which stays"),
    (("notes.Note",), {}, "notes.Note.author leads to auth.User, which stays"),
    (LABELS[::-1], {}, "MODELS has to name moved"),
    (("shop.Order",), {"step": "--drop"}, "MODELS has to name 'orders'"),
    (LABELS, {"step": "--abort"}, "no move of shop.order to take back"),
]


@pytest.mark.parametrize(("labels", "more", "told"), BAD)
def test_what_is_wrong_is_told(site, labels, more, told):
    options = {"to": "orders", "where": "", **more}
    step = [options["step"]] if "step" in options else []
    with pytest.raises(CommandError, match=told):
        call_command(
            "pinning_move", *labels, "--to", options["to"], "--where", options["where"], *step
        )
    for alias in ("default", "orders"):
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT name FROM sqlite_master WHERE name LIKE 'pinning_move%%'")
            assert cursor.fetchall() == []


def test_a_model_that_would_follow_without_its_rows(site, run, settings):
    everything = next(iter(site["MODELS"].values()))
    settings.PINNING = {**site, "MODELS": {**site["MODELS"], "notes.Audit": everything}}
    with pytest.raises(CommandError, match="notes.Audit moves too: name it after shop.Order"):
        run()


def test_rows_in_the_way(site, run):
    Order.objects.using("orders").create(text="theirs")
    with pytest.raises(CommandError, match="has such rows already"):
        run()
    assert Order.objects.using("orders").get().text == "theirs"


def test_a_read_only_cluster(site, run, settings):
    settings.PINNING = {**site, "READ_ONLY": ["orders"]}
    with pytest.raises(CommandError, match="READ_ONLY"):
        run()


def test_a_table_that_is_missing(site, run):
    with connections["orders"].cursor() as cursor:
        cursor.execute("ALTER TABLE shop_line RENAME TO hidden")
    try:
        with pytest.raises(CommandError, match="'orders' has no table shop_line: run migrate"):
            run()
    finally:
        with connections["orders"].cursor() as cursor:
            cursor.execute("ALTER TABLE hidden RENAME TO shop_line")


def test_a_move_of_other_tables_that_has_begun(site, run, monkeypatch):
    from pinning.move.move import Move

    monkeypatch.setattr(Move, "_switch", lambda self: None)
    run()
    with pytest.raises(CommandError, match="What has begun is the move of"):
        run(labels=("shop.Order", "shop.Line"))
    run("--abort")


def test_a_connection_that_commits_nothing_by_itself(site, run, monkeypatch):
    monkeypatch.setitem(connections["orders"].settings_dict, "AUTOCOMMIT", False)
    with pytest.raises(CommandError, match="Set AUTOCOMMIT of 'orders' to True"):
        run()


def test_another_command_at_work(site, run, monkeypatch):
    from pinning.move.dialects import SQLite

    monkeypatch.setattr(SQLite, "lock", lambda self: False)
    with pytest.raises(CommandError, match="Another command moves shop.order"):
        run()


def test_a_site_that_does_not_follow(site, run):
    other = moved("shop.Order", from_="orders", to="default")
    with override_settings(PINNING={**site, "MODELS": {"shop": other}}):
        with pytest.raises(CommandError, match="is in 'orders' already|MODELS has to name"):
            run()


def test_offline_needs_nothing_in_models(site, run, settings):
    settings.PINNING = {**site, "MODELS": {}}
    Order.objects.using("default").create(text="one")
    with pytest.raises(CommandError, match="--offline"):
        run()
    run("--offline")
    assert Order.objects.using("orders").count() == 1
