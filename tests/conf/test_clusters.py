"""Several clusters: where models live, what is migrated there, and where nothing is written."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.core.cache.backends.db import BaseDatabaseCache
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import connections, router, transaction
from django.db.migrations.state import ProjectState
from django.test.utils import isolate_apps

from pinning import Reason, mark_written, scope, source_of
from pinning.conf.clusters import Clusters, clusters, configured
from pinning.exceptions import PinningError, ReadOnlyClusterError, UnknownClusterError
from pinning.router import PinningRouter
from tests.notes.models import Note, Tag
from tests.shop.models import GiftOrder, Line, Order, Product, UrgentOrder

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

REPLICAS = {"default": ["replica1"], "orders": ["orders1"]}
THROUGH = Order.products.through


def elsewhere(model, **hints):
    """Another function than that of the others."""
    return "orders"


def by_text(model, **hints):
    """Shards by row: where its text says, or in the default cluster."""
    instance = hints.get("instance")
    return None if instance is None else getattr(instance, "text", None) or None


@pytest.fixture
def pinning(settings):
    """Sets PINNING with two clusters; ``orders`` is not connected to yet, as at a start."""

    def change(**changes):
        settings.PINNING = {"REPLICAS": REPLICAS, "MODELS": {"shop": "orders"}, **changes}
        connections["orders"].close()

    change()
    return change


@pytest.fixture
def sharded(pinning):
    pinning(MODELS={"shop": by_text})


def loaded(model, alias, **values):
    """A row of ``model`` as if it had been loaded from ``alias``."""
    row = model(pk=1, **values)
    row._state.db = alias
    return row


def read_of(model, **hints):
    return PinningRouter().db_for_read(model, **hints)


def write_of(model, **hints):
    return PinningRouter().db_for_write(model, **hints)


# Where a model lives


@pytest.mark.parametrize(
    ("entries", "model", "cluster"),
    [
        ({}, Order, "default"),
        ({"shop": "orders"}, Order, "orders"),
        ({"shop": "orders"}, Note, "default"),
        ({"shop.Order": "orders"}, Order, "orders"),
        ({"shop.order": "orders"}, Order, "orders"),
        ({"shop.Order": "orders"}, Line, "default"),
        ({"shop": "orders", "shop.Line": "default"}, Line, "default"),
        ({"shop": "orders", "shop.Line": "default"}, Order, "orders"),
        ({"shop": "default", "shop.Line": "orders"}, Line, "orders"),
        ({"auth.User": "orders"}, User, "orders"),
        ({"auth.User": "orders"}, Group, "default"),
        # A proxy lives with the model behind it, whatever its own entry says.
        ({"shop.Order": "orders"}, UrgentOrder, "orders"),
        ({"shop.UrgentOrder": "orders"}, UrgentOrder, "default"),
        # An automatic through model lives with the one that has the field.
        ({"shop.Order": "orders"}, THROUGH, "orders"),
        ({"shop.Product": "orders"}, THROUGH, "default"),
        ({"shop.Order_products": "orders"}, THROUGH, "default"),
        ({"auth.User": "orders"}, User.groups.through, "orders"),
        # A child in a table of its own: its entry, its app's, its parent's.
        ({"shop.GiftOrder": "orders"}, GiftOrder, "orders"),
        ({"shop.GiftOrder": "default", "shop.Order": "orders"}, GiftOrder, "default"),
        ({"shop": "default", "shop.Order": "orders"}, GiftOrder, "default"),
        ({"shop.Order": "orders"}, GiftOrder, "orders"),
    ],
)
def test_a_model_lives_where_models_says(pinning, entries, model, cluster):
    pinning(MODELS=entries)
    replica = {"default": "replica1", "orders": "orders1"}[cluster]
    with scope():
        assert (read_of(model), write_of(model)) == (replica, cluster)
        assert (read_of(model), write_of(model)) == (replica, cluster)  # as remembered


@isolate_apps("tests.notes", "tests.shop")
def test_a_child_in_another_app_lives_with_its_parent_unless_its_app_has_an_entry(pinning):
    class Child(Order):
        class Meta:
            app_label = "notes"

    assert write_of(Child) == "orders"
    pinning(MODELS={"shop": "orders", "notes": "default"})
    assert write_of(Child) == "default"


def test_historical_models_live_where_their_labels_say(pinning):
    past = ProjectState.from_apps(apps).apps
    for name in ("Order", "GiftOrder", "Order_products", "UrgentOrder"):
        assert write_of(past.get_model("shop", name)) == "orders"
    assert write_of(past.get_model("notes", "Note")) == "default"


def test_models_that_come_and_go_are_not_remembered(pinning):
    past = ProjectState.from_apps(apps).apps.get_model("shop", "Order")
    for model in (past, BaseDatabaseCache("cache", {}).cache_model_class, Order):
        write_of(model)
    known = clusters()
    assert set(known.fixed) == set(known._places) == {Order}


@pytest.mark.parametrize("label", ["django_cache", "django_cache.CacheEntry"])
def test_what_is_no_model_lives_where_its_label_says(pinning, label):
    pinning(MODELS={label: "orders"})
    model = BaseDatabaseCache("cache", {}).cache_model_class
    with scope():
        assert router.db_for_read(model) == "orders"
    assert router.db_for_write(model) == "orders"
    assert router.allow_migrate_model("orders", model) is True
    assert router.allow_migrate_model("default", model) is False


def test_without_a_default_cluster_only_mapped_models_are_routed(pinning):
    pinning(REPLICAS={"orders": ["orders1"]})
    assert write_of(Order) == "orders"
    assert write_of(Note) is None
    assert write_of(Order, instance=loaded(User, "default")) == "orders"


# Rows that were loaded from somewhere


@pytest.mark.parametrize(
    ("model", "row", "alias", "cluster"),
    [
        (Order, User, "default", "orders"),
        (Order, User, "replica1", "orders"),
        (Order, User, None, "orders"),
        (User, Order, "orders", "default"),
        (User, Order, "orders1", "default"),
        (User, Order, None, "default"),
        (Line, Order, "orders1", "orders"),
        (Order, Order, "orders1", "orders"),
        # What was loaded from elsewhere stays there.
        (Line, Order, "default", "default"),
        (Order, Order, "replica1", "default"),
        (User, Order, "default", "default"),
        (Order, User, "orders", "orders"),
        (Note, User, "orders1", "orders"),
        (Line, Order, "elsewhere", None),
        (Order, User, "elsewhere", None),
        (User, Order, "elsewhere", None),
    ],
)
def test_relations_go_to_the_other_models_cluster_unless_the_row_came_from_elsewhere(
    pinning, model, row, alias, cluster
):
    assert write_of(model, instance=loaded(row, alias)) == cluster


def test_a_row_from_the_other_clusters_primary_is_no_reason_to_read_from_a_primary(pinning):
    with scope() as work:
        assert read_of(User, instance=loaded(Order, "orders")) == "replica1"
        assert read_of(Line, instance=loaded(Order, "orders")) == "orders"
        assert list(work.reads["orders"]) == [Reason.FOLLOWS_PRIMARY]


def test_rows_are_written_read_and_followed_each_in_its_cluster(pinning):
    user = User.objects.create(username="customer")
    order = Order.objects.create(text="new", customer_id=user.pk)
    assert (source_of(user), source_of(order)) == ("default", "orders")
    order.products.add(Product.objects.create(name="tea"))
    Line.objects.create(order=order, text="one")
    with scope():
        order = Order.objects.prefetch_related("line_set", "products").get()
        assert source_of(order) == "orders1"
        assert source_of(order.customer) == "replica1"
        assert [source_of(line) for line in order.line_set.all()] == ["orders1"]
        assert [source_of(product) for product in order.products.all()] == ["orders1"]
        assert [source_of(row) for row in Order.objects.filter(customer=user)] == ["orders1"]
        assert Order.objects.prefetch_related("customer").get().customer == user
        order.save()
        assert source_of(order) == "orders"
    assert not Order.objects.using("default").exists()


def test_a_key_to_another_cluster_is_set_by_its_value_and_followed_forwards(pinning):
    user = User.objects.create(username="customer")
    Order(customer_id=user.pk, text="new").full_clean()
    Order.objects.create(customer_id=user.pk, text="new")
    assert Order.objects.get().customer == user
    with pytest.raises(ValueError, match="router prevents this relation"):
        Order(customer=user)
    with pytest.raises(ValueError, match="router prevents this relation"):
        list(user.order_set.all())


class LenientRouter:
    """A project's own, in front of ours."""

    def allow_relation(self, one, other, **hints):
        return True


def test_a_router_in_front_may_allow_relations_across_clusters(pinning, settings):
    settings.DATABASE_ROUTERS = [LenientRouter(), PinningRouter()]
    user = User.objects.create(username="customer")
    Order(customer=user, text="new").save()
    with scope():
        assert [source_of(order) for order in user.order_set.all()] == ["orders1"]


def test_a_row_is_deleted_with_a_key_of_another_cluster_that_does_nothing(pinning):
    User.objects.create(username="customer").delete()


# Sharding by row


@pytest.mark.usefixtures("sharded")
class TestSharding:
    def test_each_row_goes_where_the_callable_says(self):
        here, there = Order(text="default"), Order(text="orders")
        here.save()
        there.save()
        assert (source_of(here), source_of(there)) == ("default", "orders")

    def test_no_answer_is_the_default_cluster(self):
        assert write_of(Order) == "default"
        assert write_of(Order, instance=Order()) == "default"

    def test_a_proxy_an_automatic_through_model_and_a_child_are_asked_for_too(self):
        order = Order(text="orders")
        for model in (UrgentOrder, THROUGH, GiftOrder):
            assert write_of(model, instance=order) == "orders"

    def test_a_row_stays_with_what_the_callable_says(self):
        for alias in ("default", "replica1", "orders1"):
            assert write_of(Line, instance=loaded(Order, alias, text="orders")) == "orders"

    def test_relations_to_other_models_leave_the_shard(self):
        assert write_of(User, instance=loaded(Order, "orders", text="orders")) == "default"

    def test_a_row_from_outside_every_cluster_stays_there(self):
        assert write_of(Order, instance=loaded(Order, "elsewhere", text="orders")) is None
        assert write_of(Order, instance=loaded(User, "elsewhere")) is None

    def test_hints_of_the_code_arrive(self, pinning):
        pinning(MODELS={"shop.Order": lambda model, cluster=None, **hints: cluster})
        order = Order.objects.db_manager(hints={"cluster": "orders"}).create(text="new")
        assert source_of(order) == "orders"
        assert Order.objects.create(text="new")._state.db == "default"

    def test_a_dotted_path_does_as_well(self, pinning):
        pinning(MODELS={"shop": "tests.conf.test_clusters.by_text"})
        assert write_of(Order, instance=Order(text="orders")) == "orders"

    @pytest.mark.parametrize("answer", ["shard9", "orders1", "", 5, ["orders"]])
    def test_an_answer_that_is_no_cluster_is_an_error_that_names_everything(self, pinning, answer):
        def lost(model, **hints):
            return answer

        pinning(MODELS={"shop": lost})
        with pytest.raises(UnknownClusterError) as raised:
            write_of(UrgentOrder)
        message = str(raised.value)
        for part in (repr(answer), "test_clusters", "lost", "shop.UrgentOrder", "default, orders"):
            assert part in message

    def test_the_callable_gets_the_model_whose_rows_it_is_asked_for(self, pinning):
        seen = []
        pinning(MODELS={"shop": lambda model, **hints: seen.append((model, hints))})
        order = Order()
        for model in (Order, UrgentOrder, GiftOrder, THROUGH):
            write_of(model, instance=order)
        assert seen == [(model, {"instance": order}) for model in (Order, Order, GiftOrder, Order)]


# Scopes and pins


def test_a_write_to_one_cluster_leaves_the_reads_of_the_other_on_its_replica(pinning):
    with scope() as work:
        Order.objects.create(text="new")
        assert (read_of(Order), read_of(Note)) == ("orders", "replica1")
        assert [pin.cluster for pin in work.take_pins()] == ["orders"]
        Note.objects.create(text="new")
        assert (read_of(Order), read_of(Note)) == ("orders", "default")
        assert [pin.cluster for pin in work.take_pins()] == ["default"]


def test_a_transaction_on_one_cluster_leaves_the_reads_of_the_other_on_its_replica(pinning):
    with scope(), transaction.atomic(using="orders"):
        assert (read_of(Order), read_of(Note)) == ("orders", "replica1")


def test_a_write_without_a_statement_is_marked_for_its_cluster(pinning):
    with scope() as work:
        mark_written("orders1")
        assert (work.has_written("orders"), work.has_written("default")) == (True, False)


# allow_relation


@pytest.mark.parametrize(
    ("one", "other", "allowed"),
    [
        ("orders", "orders1", True),
        ("default", "replica1", True),
        ("default", "orders", None),
        ("replica1", "orders1", None),
        ("orders", "elsewhere", None),
        ("elsewhere", "orders", None),
        (None, "orders", None),
    ],
)
def test_relations_are_allowed_within_a_cluster(pinning, one, other, allowed):
    row, related = loaded(Order, one), loaded(User, other)
    assert PinningRouter().allow_relation(row, related) is allowed


# allow_migrate

ALIASES = ("default", "replica1", "orders", "orders1", "elsewhere")


def migrates(app_label, model_name=None, **hints):
    """The answers for all aliases."""
    allow = PinningRouter().allow_migrate
    return tuple(allow(alias, app_label, model_name=model_name, **hints) for alias in ALIASES)


MAPPED = (False, False, True, False, False)
ON_DEFAULT = (None, False, False, False, None)
SAID_TO_BE_ON_DEFAULT = (True, False, False, False, False)
UNDECIDED = (None, False, None, False, None)
SHARDED = (None, False, None, False, False)


@pytest.mark.parametrize(
    ("entries", "app_label", "model_name", "answers"),
    [
        ({}, "shop", "order", UNDECIDED),
        ({}, "shop", None, UNDECIDED),
        ({"shop": "orders"}, "shop", "order", MAPPED),
        ({"shop": "orders"}, "shop", "Order", MAPPED),
        ({"shop": "orders"}, "shop", "urgentorder", MAPPED),
        ({"shop": "orders"}, "shop", "order_products", MAPPED),
        ({"shop": "orders"}, "shop", "removed", MAPPED),
        ({"shop": "orders"}, "notes", "note", ON_DEFAULT),
        ({"shop": "orders", "shop.Line": "default"}, "shop", "line", SAID_TO_BE_ON_DEFAULT),
        ({"shop.Removed": "orders"}, "shop", "removed", MAPPED),
        ({"shop.Order": "orders"}, "shop", "giftorder", MAPPED),
        ({"shop": by_text}, "shop", "order", SHARDED),
        ({"shop": by_text}, "notes", "note", ON_DEFAULT),
        # The whole app
        ({"shop": "orders"}, "shop", None, MAPPED),
        ({"shop": "orders"}, "notes", None, ON_DEFAULT),
        ({"shop": "orders"}, "gone", None, ON_DEFAULT),
        ({"gone": "orders"}, "gone", None, MAPPED),
        ({"shop.Order": "orders"}, "shop", None, UNDECIDED),
        (
            {"shop": "orders", "shop.Line": "default"},
            "shop",
            None,
            (None, False, None, False, False),
        ),
        (
            {
                f"shop.{name}": "orders"
                for name in ("Order", "Line", "Product", "GiftOrder", "Customer")
            },
            "shop",
            None,
            MAPPED,
        ),
        ({"shop": by_text}, "shop", None, SHARDED),
        ({"shop": by_text, "shop.Line": "orders"}, "shop", None, (None, False, None, False, False)),
    ],
)
def test_a_table_is_made_in_its_models_cluster_alone(
    pinning, entries, app_label, model_name, answers
):
    pinning(MODELS=entries)
    assert migrates(app_label, model_name) == answers


def test_a_historical_model_is_known_by_its_class(pinning):
    past = ProjectState.from_apps(apps).apps.get_model("shop", "Order_products")
    assert migrates("shop", "order_products", model=past) == MAPPED


def test_hints_of_a_migration_that_are_no_model_do_no_harm(pinning):
    assert migrates("shop", "order", model="Order", target="orders") == MAPPED


def test_tables_are_listed_for_their_cluster_alone(pinning):
    """What migrate and flush go by."""
    for alias, expected in [("default", False), ("orders", True)]:
        tables = connections[alias].introspection.django_table_names(include_views=False)
        assert ("shop_order" in tables, "notes_note" in tables) == (expected, not expected)


# READ_ONLY


@pytest.fixture
def read_only(pinning):
    """The cluster ``orders`` with a row, and then read-only."""
    Order.objects.create(text="old")
    pinning(READ_ONLY=["orders"])
    yield
    pinning()


@pytest.mark.usefixtures("read_only")
class TestReadOnly:
    @pytest.mark.parametrize(
        "write",
        [
            lambda: Order.objects.create(text="new"),
            lambda: Order.objects.update(text="new"),
            lambda: Order.objects.all().delete(),
            lambda: Order.objects.get().save(),
            lambda: Order.objects.bulk_create([Order(text="new")]),
            lambda: Order.objects.using("orders").create(text="new"),
        ],
    )
    def test_a_write_fails_with_the_model_and_the_cluster(self, write):
        with scope() as work:
            with pytest.raises(ReadOnlyClusterError, match=r"shop\.\w+ .* cluster 'orders'"):
                write()
            assert not work.has_written("orders")
        assert [order.text for order in Order.objects.all()] == ["old"]

    @pytest.mark.parametrize(
        ("sql", "subject"),
        [
            ("UPDATE shop_order SET text = 'new'", "shop.Order"),
            ("INSERT INTO shop_order_products (order_id) VALUES (1)", "shop.Order_products"),
            ("DELETE FROM nowhere", "The table 'nowhere'"),
            ("CREATE TABLE nowhere (id int)", "What this statement writes"),
        ],
    )
    def test_raw_sql_fails_too(self, sql, subject):
        with connections["orders"].cursor() as cursor:
            with pytest.raises(ReadOnlyClusterError) as raised:
                cursor.execute(sql)
        assert str(raised.value).startswith(f"{subject} cannot be written to the cluster 'orders'")

    def test_an_unpinned_model_is_not_written_either(self, pinning):
        pinning(READ_ONLY=["orders"], UNPINNED_MODELS=["shop.Order"])
        with pytest.raises(ReadOnlyClusterError):
            Order.objects.create(text="new")

    def test_what_is_read_is_read_as_ever(self):
        with scope():
            assert source_of(Order.objects.get()) == "orders1"
        assert source_of(Order.objects.get()) == "orders"
        with transaction.atomic(using="orders"):
            Order.objects.select_for_update().get()
            with transaction.atomic(using="orders"):
                assert Order.objects.count() == 1

    def test_django_may_ask_where_it_would_write(self):
        order = Order.objects.get()
        line = Line(order=order, text="one")
        line.full_clean()
        order.customer = None
        assert Line(order=order)._state.db == "orders"
        assert Order.objects.get_or_create(text="old") == (order, False)
        with pytest.raises(ValidationError):
            Order(text="").full_clean()

    def test_other_clusters_are_written_as_ever(self):
        assert Note.objects.create(text="new")._state.db == "default"

    def test_nothing_is_migrated_there(self):
        assert migrates("shop", "order") == (False,) * 5
        assert migrates("notes", "note") == ON_DEFAULT
        assert migrates("shop") == (False,) * 5

    def test_no_replica_is_needed(self, pinning):
        pinning(READ_ONLY=["orders"], REPLICAS={"default": ["replica1"], "orders": []})
        with scope() as work:
            assert source_of(Order.objects.get()) == "orders"
            assert list(work.reads["orders"]) == [Reason.NO_REPLICA]

    def test_the_error_is_one_of_ours(self):
        assert issubclass(ReadOnlyClusterError, PinningError)


def test_a_read_only_cluster_needs_no_models(pinning):
    pinning(MODELS={}, READ_ONLY=["orders"])
    assert migrates("notes", "note") == (None, False, False, False, None)
    with pytest.raises(ReadOnlyClusterError):
        Tag.objects.using("orders").create(name="red")


# Wrong settings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"MODELS": {"shop": "nowhere"}}, "MODELS.*'nowhere'.*default, orders"),
        ({"MODELS": {"shop": "tests.nowhere.shard"}}, "MODELS.*tests.nowhere"),
        ({"MODELS": {"shop": "tests.conf.test_clusters.nothing"}}, "MODELS.*nothing"),
        ({"MODELS": {"shop": "tests.conf.test_clusters.REPLICAS"}}, "MODELS.*cannot be called"),
        ({"READ_ONLY": ["nowhere"]}, "READ_ONLY.*'nowhere'.*pinning.E027"),
    ],
)
def test_wrong_names_stop_the_start(pinning, changes, message):
    pinning(**changes)
    with pytest.raises(ImproperlyConfigured, match=message):
        configured()


def test_a_callable_object_is_named_by_its_class():
    class Shards:
        def __call__(self, model, **hints):
            return "nowhere"

    known = Clusters({"orders": ()}, models={"shop": Shards()})
    with pytest.raises(UnknownClusterError, match=r"Shards gave for shop\.Order"):
        known.of_query(Order, None, {})


def test_a_cluster_whose_name_has_a_dot_is_no_path():
    known = Clusters({"orders.eu": ()}, models={"shop": "orders.eu"})
    assert known.of_query(Order, None, {}).primary == "orders.eu"
