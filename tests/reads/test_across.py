"""What needs rows of two clusters at once is a clear error, and not an empty result."""

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connections
from django.db.models import Count, Exists, OuterRef, Prefetch

from pinning import for_each_shard, scope, source_of
from pinning.exceptions import AcrossClustersError
from pinning.move import moved
from tests.conf.test_clusters import by_text
from tests.notes.models import Comment, Note, Tag
from tests.shop.models import Line, Order, Product

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "orders"])


def of_user(model, **hints):
    """The shard of an order by its text, and that of a user by the name."""
    row = hints.get("instance")
    return getattr(row, "text", None) or getattr(row, "username", None)


@pytest.fixture
def pinning(settings):
    """Sets PINNING with two clusters. The tables of all models are in both, as before a move."""

    def change(models):
        replicas = {"default": [], "orders": []}
        settings.PINNING = {**settings.PINNING, "REPLICAS": replicas, "MODELS": models}

    return change


@pytest.fixture
def customer(pinning):
    """Who has an order, in another cluster."""
    user = User.objects.create(username="customer")
    pinning({"shop": "orders"})
    order = Order.objects.create(text="order", customer_id=user.pk)
    order.products.add(Product.objects.create(name="tea"))
    return user


@pytest.mark.parametrize(
    "query",
    [
        lambda: Order.objects.filter(customer__username="customer"),
        lambda: Order.objects.exclude(customer__username="customer"),
        lambda: Order.objects.order_by("customer__username"),
        lambda: Order.objects.select_related("customer"),
        lambda: Order.objects.values("customer__username"),
        lambda: Line.objects.filter(order__customer__username="customer"),
        lambda: Line.objects.select_related("order__customer"),
        lambda: Order.objects.filter(customer__is_staff=False).values("pk"),
        lambda: Order.objects.using("orders").select_related("customer"),
    ],
)
def test_a_join_forwards_to_another_cluster(customer, query):
    with pytest.raises(AcrossClustersError, match=r"runs on 'orders' and joins auth\.User, whose"):
        list(query())
    with pytest.raises(AcrossClustersError), scope():
        list(query())


@pytest.mark.parametrize(
    "query",
    [
        lambda: list(User.objects.filter(order__text="order")),
        lambda: list(User.objects.annotate(orders=Count("order"))),
        lambda: User.objects.filter(order__text="order").count(),
        lambda: User.objects.filter(order__text="order").exists(),
        lambda: User.objects.filter(order__text="order").update(username="new"),
        lambda: User.objects.filter(order__text="order").delete(),
    ],
)
def test_a_join_backwards_to_another_cluster(customer, query):
    with pytest.raises(AcrossClustersError, match=r"runs on 'default' and joins shop\.Order"):
        query()
    assert User.objects.get() == customer


def test_a_many_to_many_to_another_cluster(customer, pinning):
    pinning({"shop": "orders", "shop.Product": "default"})
    with pytest.raises(AcrossClustersError, match=r"shop\.Order_products"):
        list(Order.objects.get().products.all())
    with pytest.raises(AcrossClustersError, match=r"shop\.Product"):
        list(Order.objects.filter(products__name="tea"))
    with pytest.raises(AcrossClustersError, match=r"shop\.Order_products"):
        list(Order.objects.prefetch_related("products"))


def test_what_needs_no_join_works(customer):
    order = Order.objects.get(customer=customer)
    assert Order.objects.get(customer_id__in=[customer.pk]) == order
    assert order.customer == customer
    assert Order.objects.prefetch_related("customer").get().customer == customer
    assert customer.order_set.count() == 1
    assert customer.order_set.exists()
    assert list(customer.order_set.values_list("text", flat=True)) == ["order"]
    with pytest.raises(ValueError, match="router prevents this relation"):
        list(customer.order_set.all())
    (loaded,) = User.objects.prefetch_related("order_set")
    assert list(loaded.order_set.all()) == [order]


def test_joins_inside_a_cluster_work(customer):
    Line.objects.create(order=Order.objects.get(), text="one")
    assert Line.objects.select_related("order").get().order.text == "order"
    assert Order.objects.filter(line__text="one", products__name="tea").count() == 1
    Note.objects.create(text="new", author=customer).tags.add(Tag.objects.create(name="red"))
    assert Note.objects.select_related("author").get(tags__name="red").author == customer


def test_who_names_another_database_knows_what_is_there(customer):
    """The old rows, before they are dropped."""
    Order(pk=7, text="old", customer_id=customer.pk).save(using="default")
    old = Order.objects.using("default").select_related("customer").get()
    assert old.customer.username == "customer"
    assert Order.objects.using("default").filter(customer__username="customer").count() == 1


def test_without_models_nothing_is_refused(pinning):
    pinning({})
    assert list(Order.objects.filter(customer__username="customer")) == []


# Generic foreign keys


def test_a_generic_foreign_key_to_another_cluster(pinning, monkeypatch):
    monkeypatch.setattr(connections["orders"].introspection, "table_names", list)
    note = Note.objects.create(text="a note")
    order = Order.objects.create(text="an order")
    for target in (note, order):
        Comment.objects.create(target=target, text="one")
    Order.objects.all().delete()  # as after a move
    pinning({"shop": "orders"})
    Order(pk=order.pk, text="an order").save()
    first, second = Comment.objects.order_by("pk")
    assert first.target == note
    with pytest.raises(AcrossClustersError, match=r"shop\.Order are in 'orders'"):
        print(second.target)
    assert [each.target for each in Comment.objects.order_by("pk").prefetch_related("target")] == [
        note,
        order,
    ]


def test_a_generic_foreign_key_to_what_was_deleted_is_none(pinning):
    note = Note.objects.create(text="a note")
    Comment.objects.create(target=note, text="one")
    note.delete()
    pinning({"shop": "orders"})
    kind = ContentType.objects.get_for_model(Note)
    Comment.objects.create(content_type=kind, object_id=note.pk or 1, text="two")
    assert Comment.objects.get(text="two").target is None


@pytest.fixture
def moved_order(pinning, monkeypatch):
    """An order with a comment that stays, in a cluster without content types."""
    order = Order.objects.create(text="an order")
    Comment.objects.create(target=order, text="one")
    Order.objects.all().delete()
    monkeypatch.setattr(connections["orders"].introspection, "table_names", list)
    pinning({"shop": "orders"})
    Order(pk=order.pk, text="an order").save()
    return Order.objects.get()


def test_from_an_object_that_has_moved_what_refers_to_it_is_found(moved_order):
    comment = Comment.objects.prefetch_related("target").get()
    assert comment.target == moved_order
    kind = ContentType.objects.db_manager("orders").get_for_model(moved_order)
    assert kind == comment.content_type
    assert kind._state.db == "default"
    assert Comment.objects.create(target=moved_order, text="two").content_type == kind


# Shards


def test_a_relation_to_a_sharded_model_needs_an_answer(pinning):
    user = User.objects.create(username="orders")
    pinning({"shop": by_text})
    Order(text="orders", customer_id=user.pk).save()
    for follow in (
        lambda: user.order_set.count(),
        lambda: list(User.objects.prefetch_related("order_set")),
    ):
        with pytest.raises(AcrossClustersError, match=r"by_text gave None for shop\.Order of a"):
            follow()
    assert sum(for_each_shard(Order, lambda name: Order.objects.using(name).count()).values()) == 1


def test_with_an_answer_it_is_followed(pinning):
    user = User.objects.create(username="orders")
    pinning({"shop": of_user})
    Order(text="orders", customer_id=user.pk).save()
    assert user.order_set.count() == 1


def test_a_row_of_a_shard_is_followed_within_it(pinning):
    pinning({"shop": by_text})
    order = Order(text="orders")
    order.save()
    Line.objects.using("orders").create(order=order, text="orders")
    assert [source_of(line) for line in order.line_set.all()] == ["orders"]
    here = Order(text="default")
    here.save()
    assert not here.line_set.exists()


def test_a_row_can_be_made_and_saved_with_a_row_of_another_model(pinning):
    user = User.objects.create(username="default")
    pinning({"shop": by_text})
    order = Order(customer=user, text="default")
    order.save()
    assert source_of(order) == "default"


def test_a_join_from_a_shard_finds_only_what_is_there(pinning):
    user = User.objects.create(username="default")
    pinning({"shop": by_text})
    Order(text="default", customer_id=user.pk).save()
    here = Order.objects.using("default").select_related("customer").get()
    assert here.customer == user
    with pytest.raises(AcrossClustersError, match=r"joins auth\.User"):
        list(Order.objects.using("orders").select_related("customer"))
    with pytest.raises(AcrossClustersError, match=r"rows are in 'default' and 'orders'"):
        list(User.objects.filter(order__text="default"))
    assert list(Line.objects.using("orders").select_related("order")) == []


def test_what_moves_is_where_it_is_now(pinning):
    home = moved("shop.Order", from_="default", to="orders")
    pinning({"shop": home})
    try:
        assert list(Order.objects.select_related("customer")) == []
    finally:
        home.close()


# What no router and no join tells


def test_a_subquery_of_another_cluster_is_not_noticed(customer):
    """docs/one-to-many.md says so."""
    orders = Order.objects.filter(customer=OuterRef("pk"))
    assert not User.objects.filter(Exists(orders)).exists()


def test_a_prefetch_of_ones_own_query_is_looked_at_too(customer):
    orders = Order.objects.select_related("customer")
    with pytest.raises(AcrossClustersError):
        list(User.objects.prefetch_related(Prefetch("order_set", queryset=orders)))
