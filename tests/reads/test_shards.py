"""A report asks each cluster in which rows of a model can be."""

import pytest

from pinning import for_each_shard
from pinning.move import moved
from tests.notes.models import Note
from tests.shop.models import Order

pytestmark = pytest.mark.django_db(databases=["default", "orders"])


@pytest.fixture
def clusters(settings):
    replicas = {"default": ["replica1"], "orders": ["orders1"]}
    by_text = "tests.conf.test_clusters.by_text"
    settings.PINNING = {**settings.PINNING, "REPLICAS": replicas, "MODELS": {"shop": by_text}}


def test_a_sharded_model_is_in_each_and_another_in_one(clusters):
    Order.objects.using("orders").create(text="one")
    told = []
    counts = for_each_shard(
        Order, lambda name: Order.objects.using(name).count(), lambda *way: told.append(way)
    )
    assert counts == {"default": 0, "orders": 1}
    assert told == [(1, 2), (2, 2)]
    assert for_each_shard(Note, str) == {"default": "default"}


def test_a_model_that_moves_is_in_one(clusters, settings):
    home = moved("shop.Order", from_="default", to="orders")
    settings.PINNING = {**settings.PINNING, "MODELS": {"shop": home}}
    assert for_each_shard(Order, str) == {"default": "default"}
    home.close()
