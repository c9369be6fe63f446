"""Two primaries, each with a replica: what one of them was written leaves the other alone."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from pinning.testing.postgres import Postgres, Replica
from tests.live.site.clients import Client, Site, reads
from tests.live.site.pair import Pair
from tests.services import service

DATABASE = "clusters"

NOTE, ORDER = "notes.Note", "shop.Order"
ON_REPLICAS = {NOTE: ("replica1", "replica"), ORDER: ("orders1", "replica")}


@dataclass
class TwoClusters:
    """A site whose notes live on ``default`` and whose orders live on ``orders``."""

    site: Site
    notes_replica: Replica
    orders_replica: Replica
    settings: dict[str, Any]

    def close(self) -> None:
        self.site.close_clients()
        for replica in (self.notes_replica, self.orders_replica):
            replica.resume_replay()
            replica.wait_until_caught_up()


def site_settings(pair: Pair, orders: Postgres, orders_replica: Replica) -> dict[str, Any]:
    mirror = {"TEST": {"MIRROR": "orders"}}
    return pair.settings(
        primary=pair.primary.settings(DATABASE),
        replicas={"replica1": pair.replica.settings(DATABASE)},
        databases={
            "orders": orders.settings(DATABASE),
            "orders1": {**orders_replica.settings(DATABASE), **mirror},
        },
        urls="clusters_urls",
        pinning={
            "REPLICAS": {"default": ["replica1"], "orders": ["orders1"]},
            "MODELS": {"shop": "orders"},
        },
    )


@pytest.fixture(scope="module")
def running_clusters(session_pair: Pair) -> Iterator[TwoClusters]:
    with ExitStack() as stack:
        orders = stack.enter_context(service(Postgres.primary()))
        orders_replica = stack.enter_context(service(orders.replica()))
        settings = site_settings(session_pair, orders, orders_replica)
        site = Site("wsgi", settings)
        stack.callback(site.close)
        for primary, alias in [(session_pair.primary, "default"), (orders, "orders")]:
            primary.create_database(DATABASE)
            if alias == "default":
                site.manage("migrate", "auth", "-v", "0")  # which tests.notes refers to
            site.manage("migrate", "--run-syncdb", "--database", alias, "-v", "0")
        clusters = TwoClusters(site, session_pair.replica, orders_replica, settings)
        for replica in (session_pair.replica, orders_replica):
            replica.wait_until_caught_up()
        site.start()
        yield clusters


@pytest.fixture
def clusters(running_clusters: TwoClusters) -> Iterator[TwoClusters]:
    """Nothing that is written from now on reaches a replica."""
    for replica in (running_clusters.notes_replica, running_clusters.orders_replica):
        replica.pause_replay()
    yield running_clusters
    running_clusters.close()


def reads_of_both(client: Client) -> dict[str, tuple[str, str]]:
    return {model: (alias, reason) for model, alias, reason in reads(client.get("/both"))}


def pin_cookies(client: Client) -> list[str]:
    """Of those with pins, not of marks."""
    return [name for name in client.cookies if re.fullmatch(r"pinning\.[0-9]", name)]


def test_a_write_to_one_cluster_pins_that_one_alone(clusters):
    client = clusters.site.client()
    assert reads_of_both(client) == ON_REPLICAS
    client.write("order", "/orders")
    assert client.notes("/orders")[-1] == "order"
    assert reads_of_both(client) == {**ON_REPLICAS, ORDER: ("orders", "pinned")}
    clusters.orders_replica.resume_replay()
    clusters.orders_replica.wait_until_caught_up()
    assert reads_of_both(client) == {**ON_REPLICAS, ORDER: ("orders1", "caught_up")}


def test_two_clusters_are_pinned_in_one_cookie(clusters):
    client = clusters.site.client()
    client.write("both", "/both")
    assert len(pin_cookies(client)) == 1
    assert client.notes("/both").count("both") == 2
    assert reads_of_both(client) == {NOTE: ("default", "pinned"), ORDER: ("orders", "pinned")}
    clusters.orders_replica.resume_replay()
    clusters.orders_replica.wait_until_caught_up()
    assert reads_of_both(client) == {NOTE: ("default", "pinned"), ORDER: ("orders1", "caught_up")}


def test_pins_of_two_requests_come_into_one_cookie(clusters):
    client = clusters.site.client()
    client.write("note")
    client.write("order", "/orders")
    assert len(pin_cookies(client)) == 1
    assert reads_of_both(client) == {NOTE: ("default", "pinned"), ORDER: ("orders", "pinned")}


def test_another_visitor_is_not_pinned(clusters):
    clusters.site.client().write("both", "/both")
    assert reads_of_both(clusters.site.client()) == ON_REPLICAS


def test_under_load_one_cluster_does_not_feel_the_death_of_anothers_replica(clusters, figure):
    clusters.notes_replica.resume_replay()
    clusters.orders_replica.resume_replay()
    statuses, aliases, is_over = [], [], threading.Event()

    def visit() -> None:
        client = clusters.site.client()
        while not is_over.is_set():
            statuses.append(client.write("order", "/orders").status_code)
            for _ in range(5):
                response = client.get("/both")
                statuses.append(response.status_code)
                aliases.append({model: alias for model, alias, _ in reads(response)})

    threads = [threading.Thread(target=visit) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    clusters.orders_replica.kill()
    try:
        time.sleep(0.5)
        since = len(aliases)
        time.sleep(1)
        during = aliases[since:]
    finally:
        clusters.orders_replica.start()
    time.sleep(1.5)
    since = len(aliases)
    time.sleep(1)
    is_over.set()
    for thread in threads:
        thread.join()
    after = aliases[since:]
    figure(
        "Requests that failed because another cluster's replica died",
        len(statuses) - statuses.count(200),
    )
    assert set(statuses) == {200}
    assert {each[NOTE] for each in during} == {"replica1"}
    assert {each[ORDER] for each in during} == {"orders"}
    assert "orders1" in {each[ORDER] for each in after}


def test_each_table_is_made_on_its_own_primary(clusters):
    tables = clusters.site.client().get("/tables").json()
    of_shop = {"shop_order", "shop_order_products", "shop_line", "shop_product", "shop_giftorder"}
    assert set(tables["orders"]) == {*of_shop, "django_migrations"}
    assert not of_shop & set(tables["default"])
    assert {"notes_note", "notes_note_tags", "auth_user"} <= set(tables["default"])
