"""A view whose transaction keeps its snapshot sees nothing newer, whoever has set the level."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from pinning import use_primary
from pinning.databases import isolation
from tests.live.conftest import on_each_database
from tests.live.site.pair import Pair
from tests.notes.models import Note

RUN: list[Callable[[], None]] = []

postgresql, mariadb = (
    pytest.mark.parametrize("vendor", [vendor], indirect=True)
    for vendor in ("postgresql", "mariadb")
)


def counts(request: HttpRequest) -> HttpResponse:
    """What the view sees on the primary, and where reads go once a replica has something newer."""
    before, meanwhile = RUN
    before()
    with use_primary():
        first = Note.objects.count()
    meanwhile()
    return HttpResponse(f"{first} {Note.objects.count()}")


urlpatterns = [path("counts", counts)]


@pytest.fixture
def visit(pair_here: Pair) -> Iterator[Callable[..., str]]:
    """Visits the view, which runs ``sql`` first. Somebody else writes while it runs."""
    connections.settings["default"]["ATOMIC_REQUESTS"] = True

    def insert() -> None:
        pair_here.execute("INSERT INTO notes_note (text) VALUES ('new')")
        pair_here.catch_up()

    def visit(sql: str = "", params: Any = None) -> str:
        RUN[:] = [lambda: run(sql, params) if sql else None, insert]
        return Client().get("/counts").content.decode()

    with override_settings(
        ROOT_URLCONF=__name__, MIDDLEWARE=["pinning.middleware.PinningMiddleware"]
    ):
        yield visit
    if connections["default"].vendor == "postgresql":
        pair_here.execute("ALTER ROLE CURRENT_USER RESET default_transaction_isolation")
        pair_here.execute("ALTER DATABASE app RESET default_transaction_isolation")


def run(sql: str, params: Any = None) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(sql, params)


@on_each_database
def test_a_view_that_keeps_no_snapshot_sees_what_a_replica_has(visit: Any):
    assert [visit(), visit()] == ["0 1", "1 2"]


@mariadb
def test_what_django_says_to_a_new_connection_is_no_such_level(visit: Any):
    visit()
    connections["default"].close()  # it is watched when it connects again
    visit()
    assert not isolation.keeps_snapshot(connections["default"])


@postgresql
@pytest.mark.parametrize("whom", ["ROLE CURRENT_USER", "DATABASE app"])
def test_a_default_of_the_server_is_seen(visit: Any, pair_here: Pair, whom: str):
    pair_here.execute(f"ALTER {whom} SET default_transaction_isolation = 'repeatable read'")
    assert [visit(), visit()] == ["0 0", "1 1"]


@postgresql
def test_so_are_the_options_of_libpq(visit: Any):
    options = {"options": "-c default_transaction_isolation=serializable"}
    connections.settings["default"]["OPTIONS"] = options
    assert [visit(), visit()] == ["0 0", "1 1"]


@postgresql
@pytest.mark.parametrize("is_pooled", [False, True])
def test_the_server_is_asked_once_for_a_connection(
    visit: Any, monkeypatch: pytest.MonkeyPatch, is_pooled: bool
):
    if is_pooled:
        connections.settings["default"].update(
            OPTIONS={"pool": {"min_size": 1, "max_size": 1}}, CONN_MAX_AGE=0
        )
    asked = []
    real = isolation.fetch_row
    monkeypatch.setattr(isolation, "fetch_row", lambda *args: asked.append(args) or real(*args))
    assert [visit(), visit()] == ["0 1", "1 2"]
    connections["default"].close()
    assert visit() == "2 3"
    assert len(asked) == (1 if is_pooled else 2)
    if is_pooled:
        run("SET default_transaction_isolation = 'serializable'")
        connections["default"].close()
        assert visit() == "3 3"


SESSION = [
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET default_transaction_isolation = 'repeatable read'",
    "SET default_transaction_isolation TO serializable",
    ("SELECT set_config(%s, %s, false)", ["default_transaction_isolation", "serializable"]),
]


@postgresql
@pytest.mark.parametrize("told", SESSION, ids=str)
def test_what_the_session_was_told_is_seen(visit: Any, told: Any):
    assert visit() == "0 1"
    run(*told) if isinstance(told, tuple) else run(told)
    assert [visit(), visit()] == ["1 1", "2 2"]


ONE = [
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET LOCAL transaction_isolation = 'repeatable read'",
]


@postgresql
@pytest.mark.parametrize("told", ONE)
def test_what_the_views_transaction_was_told_is_seen(visit: Any, told: str):
    assert visit(told) == "0 0"


@postgresql
def test_what_one_transaction_was_told_is_over_with_it(visit: Any):
    with transaction.atomic():
        run("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    assert visit() == "0 1"


@mariadb
@pytest.mark.parametrize(
    "told",
    [
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SET @@tx_isolation = 'REPEATABLE-READ'",
    ],
)
def test_so_is_what_mariadbs_session_was_told(visit: Any, told: str):
    assert visit() == "0 1"
    run(told)
    assert visit() == "1 1"
