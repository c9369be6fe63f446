"""Whoever locks and then looks whether to go on: one after the other, at any lag."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, connections
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path

from tests.live.conftest import on_each_database
from tests.live.site.pair import Pair
from tests.notes.models import Note

pytestmark = on_each_database


def pay_once() -> None:
    if Note.objects.filter(text="paid").count() == 0:
        Note.objects.create(text="paid")


def pay(request: Any) -> HttpResponse:
    """A payment's return URL: whoever is first books it."""
    Note.objects.select_for_update().get(text="order")
    pay_once()
    return HttpResponse()


def pay_by_name(request: Any) -> HttpResponse:
    lock = {"postgresql": "pg_advisory_lock(7)", "mysql": "GET_LOCK('order', 5)"}
    unlock = {"postgresql": "pg_advisory_unlock(7)", "mysql": "RELEASE_LOCK('order')"}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {lock[connection.vendor]}")
        pay_once()
        cursor.execute(f"SELECT {unlock[connection.vendor]}")
    return HttpResponse()


urlpatterns = [path("pay", pay), path("pay-by-name", pay_by_name)]


@pytest.fixture(params=[True, False], ids=["atomic", "autocommit"])
def is_atomic(request: pytest.FixtureRequest, pair_here: Pair) -> Iterator[bool]:
    connections["default"].settings_dict["ATOMIC_REQUESTS"] = request.param
    pair_here.execute("INSERT INTO notes_note (text) VALUES ('order')")
    pair_here.catch_up()
    with override_settings(ROOT_URLCONF=__name__):
        yield request.param


@pytest.mark.parametrize("url", ["/pay", "/pay-by-name"])
def test_three_visitors_book_once(pair_here: Pair, is_atomic: bool, url: str):
    if url == "/pay" and not is_atomic:
        pytest.skip("Django refuses select_for_update without a transaction.")
    with pair_here.paused():
        for _ in range(3):
            assert Client().get(url).status_code == 200
    assert pair_here.execute("SELECT count(*) FROM notes_note WHERE text = 'paid'")[0][0] == 1
