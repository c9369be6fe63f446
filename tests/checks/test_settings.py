"""System checks: what is wrong is told under the id that the docs explain."""

import re
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.checks import run_checks
from django.middleware.cache import UpdateCacheMiddleware
from django.test import override_settings

import pinning
from pinning.checks.models import listed_models_exist
from pinning.conf import Settings
from pinning.middleware import PinningMiddleware
from pinning.move import moved
from pinning.pins.stores import Store
from pinning.router import PinningRouter

pytestmark = pytest.mark.filterwarnings("ignore:Overriding setting DATABASES:UserWarning")

ROOT = Path(__file__).parents[2]
PINNING = {"REPLICAS": {"default": ["replica1"]}}
OURS = "pinning.middleware.PinningMiddleware"
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
PAGES = "django.middleware.cache.UpdateCacheMiddleware"

#: What ``check --deploy`` has nothing to say about.
GOOD_FOR_DEPLOYMENT = {
    "SESSION_COOKIE_SECURE": True,
    "DATABASES": {
        alias: {**settings.DATABASES[alias], "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
        for alias in settings.DATABASES
    },
}


class MyRouter(PinningRouter):
    """A project's own, on top of ours."""


class MyMiddleware(PinningMiddleware):
    """A project's own, on top of ours."""


class HalfAStore(Store):
    """Somebody forgot ``save``."""

    def load(self, visitor):
        raise NotImplementedError


def messages(*, deploy=False):
    """What ``manage.py check pinning`` finds. Checks of models ask the router, which needs sound
    settings."""
    ours = [apps.get_app_config("pinning")]
    return run_checks(app_configs=ours, include_deployment_checks=deploy)


class OwnPages(UpdateCacheMiddleware):
    """A project's own."""


def found(*, deploy=False, **changes):
    """The ids of our checks under these settings. ``PINNING`` is added to what is good."""
    changes["PINNING"] = {**PINNING, **changes.pop("PINNING", {})}
    with override_settings(**changes):
        ids = [message.id for message in messages(deploy=deploy)]
    return [id_ for id_ in ids if id_.startswith("pinning.")]


def database(alias="replica1", **changes):
    return {**settings.DATABASES, alias: {**settings.DATABASES[alias], **changes}}


def redis_cache(**options):
    backend = "django_redis.cache.RedisCache"
    return {"default": {"BACKEND": backend, "LOCATION": "redis://localhost", "OPTIONS": options}}


TRUE = {"BACKEND": "pinning.contrib.cache.TrueCache", "LOCATION": "plain"}
TRUE_AND_PLAIN = {
    "default": TRUE,
    "plain": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
CACHED = {"default": {"BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache"}}
SEVERAL = [
    {**CACHED["default"], "LOCATION": ["10.0.0.1:11211", "10.0.0.2:11211"]},
    {**CACHED["default"], "LOCATION": "10.0.0.1:11211;10.0.0.2:11211"},
    {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": "redis://pins/0",
        "OPTIONS": {"CLIENT_CLASS": "django_redis.client.SentinelClient"},
    },
]
IN_FILES = [
    {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": location}
    for location in (Path("/tmp/pins"), "/tmp/a,b;c")
]
TIMEOUTS = {"SOCKET_TIMEOUT": 0.2, "SOCKET_CONNECT_TIMEOUT": 0.2}

SERVER = {"STORES": ["cache"]}
HOST = {"NAME": "__Host-pin", "SECURE": True}
SHARD = "tests.conf.test_clusters.by_text"


def two(models=None, **more):
    """PINNING with two clusters."""
    replicas = {"default": ["replica1"], "orders": ["orders1"]}
    return {"PINNING": {"REPLICAS": replicas, "MODELS": models or {}, **more}}


def both(label):
    """PINNING with a model that is read on the primary and whose writes pin nobody."""
    return {"PRIMARY_MODELS": [label], "UNPINNED_MODELS": [label]}


BAD = [
    ("W037", two({"notes.Audit": SHARD})),
    ("E001", {"PINNING": ["default"]}),
    ("E002", {"PINNING": {"WINDW": 5}}),
    ("E003", {"PINNING": {"REPLICAS": ["replica1"]}}),
    ("E004", {"PINNING": {"WINDOW": 0}}),
    ("E005", {"PINNING": {"MAX_PIN": 0}}),
    ("E006", {"PINNING": {"STORES": []}}),
    ("E007", {"PINNING": {"COOKIE": {"NAME": "a b"}}}),
    ("E008", {"PINNING": {"CACHE": None}}),
    ("E009", {"PINNING": {"PRIMARY_MODELS": ["Session"]}}),
    ("E010", {"PINNING": {"SAFE_METHODS": "GET"}}),
    ("E011", {"PINNING": {"USE_REPLICAS": None}}),
    ("E012", {"PINNING": {"RETRY_AFTER": 0}}),
    ("E047", {"PINNING": {"SHADOW_SAMPLE": 2}}),
    ("E019", {"PINNING": {"USE_REPLICAS": "shadow", "CACHE": "other"}}),
    ("E013", {"PINNING": {"REPLICAS": {"default": ["replica1", "replica9"]}}}),
    (
        "E013",
        {
            "PINNING": {"REPLICAS": {"primary": ["replica1"]}},
            "DATABASES": database(TEST={"MIRROR": "primary"}),
        },
    ),
    ("E014", {"PINNING": {"REPLICAS": {"default": ["replica1", "replica1"]}}}),
    ("E015", {"PINNING": {"PRIMARY_MODELS": ["sessions.Sesion"]}}),
    ("E015", {"PINNING": {"PRIMARY_MODELS": ["session.Session"]}}),
    ("E015", {"PINNING": {"PRIMARY_MODELS": ["shop.UrgentOrder"]}}),
    ("E015", {"PINNING": {"UNPINNED_MODELS": ["sessions.Sesion"]}}),
    ("E034", {"PINNING": {"UNPINNED_MODELS": ["Session"]}}),
    ("W017", {"PINNING": {"UNPINNED_MODELS": ["sessions.Session"]}}),
    ("W018", {"PINNING": both("shop.Product")}),
    ("E016", {"MIDDLEWARE": [SESSIONS, OURS]}),
    ("E016", {"MIDDLEWARE": [PAGES, OURS, SESSIONS]}),
    ("E016", {"MIDDLEWARE": ["django.middleware.cache.CacheMiddleware", OURS, SESSIONS]}),
    ("E016", {"MIDDLEWARE": ["tests.checks.test_settings.OwnPages", OURS, SESSIONS]}),
    ("E036", {"PINNING": {"COOKIE": {"NAME": "__Host-pin"}}}),
    ("E036", {"PINNING": {"COOKIE": {"NAME": "__Secure-pin", "SECURE": False}}}),
    ("E036", {"PINNING": {"COOKIE": {**HOST, "DOMAIN": "example.org"}}}),
    ("E036", {"PINNING": {"COOKIE": {**HOST, "PATH": "/app"}}}),
    ("E036", {"PINNING": {"COOKIE": HOST}, "SESSION_COOKIE_DOMAIN": "example.org"}),
    ("E036", {"PINNING": {"COOKIE": {"NAME": "__host-pin"}}}),
    ("E036", {"PINNING": {"COOKIE": {"NAME": "__HOST-pin", "SECURE": True, "PATH": "/app"}}}),
    ("E036", {"PINNING": {"COOKIE": {"NAME": "__secure-pin", "SECURE": False}}}),
    ("E036", {"PINNING": {"COOKIE": {"SAMESITE": "None", "SECURE": False}}}),
    ("E036", {"PINNING": {"COOKIE": {"SAMESITE": "None"}}}),
    ("E036", {"SESSION_COOKIE_SAMESITE": "None"}),
    ("E036", {"SESSION_COOKIE_SAMESITE": "none"}),
    ("E037", {"SESSION_COOKIE_DOMAIN": "d" * 100}),
    ("E037", {"PINNING": {"COOKIE": {"PATH": "/" + "p" * 100}}}),
    ("E037", {"PINNING": {"COOKIE": {"DOMAIN": "d" * 40, "PATH": "/" + "p" * 400}}}),
    ("E037", {"PINNING": {"COOKIE": {"NAME": "n" * 20}, **SERVER}, "CACHES": CACHED}),
    ("E018", {"PINNING": {"STORES": ["cookies"]}}),
    ("E018", {"PINNING": {"STORES": ["tests.nowhere.Store"]}}),
    ("E018", {"PINNING": {"STORES": ["pathlib.Path"]}}),
    ("E018", {"PINNING": {"STORES": ["tests.checks.test_settings.HalfAStore"]}}),
    ("E019", {"PINNING": {"STORES": ["cache"], "CACHE": "pins"}}),
    ("E019", {"PINNING": {"STORES": ["cookie", "redis"], "CACHE": "pins"}}),
    ("E020", {"PINNING": {"STORES": ["redis"]}}),
    ("E020", {"PINNING": {"STORES": ["redis"]}, "CACHES": CACHED}),
    ("E021", {"DATABASES": database(ATOMIC_REQUESTS=True)}),
    ("E022", {"PINNING": {"MODELS": ["shop"]}}),
    ("E023", two({"shp": "orders"})),
    ("E023", two({"tests.shop": "orders"})),
    ("E023", two({"shop.Ordr": "orders"})),
    ("E023", two({"shop.UrgentOrder": "orders"})),
    ("E023", two({"shop.Order_products": "orders"})),
    ("E024", two({"shop": "orders1"})),
    ("E025", two({"shop": "tests.nowhere.shard"})),
    ("E025", two({"shop": "tests.conf.test_clusters.nothing"})),
    ("E025", two({"shop": "tests.conf.test_clusters.REPLICAS"})),
    ("E026", {"PINNING": {"READ_ONLY": "default"}}),
    ("E027", {"PINNING": {"READ_ONLY": ["replica1"]}}),
    ("E029", {"PINNING": {"MAX_LAG": 0}}),
    ("E030", {"PINNING": {"PROBE_TIMEOUT": 0}}),
    ("E028", two({"shop.Line": "orders"})),
    ("E028", two({"shop.Product": "orders"})),
    ("E028", two({"shop.GiftOrder": "orders"})),
    ("E041", {"PINNING": {"IDENTITY_HEADERS": "Authorization"}}),
    ("E041", {"PINNING": {"IDENTITY_HEADERS": ["X-Api-Key: "]}}),
    ("E039", {"PINNING": {"WAIT": -1}}),
    ("E040", {"PINNING": {"TASK_WAIT": "long"}}),
    ("E031", {"PINNING": {"TASKS": "primaries"}}),
    ("E032", {"PINNING": {"IDENTITY": "user"}}),
    ("E033", {"PINNING": {"IDENTITY": "tests.nowhere.rule", **SERVER}, "CACHES": CACHED}),
    (
        "E033",
        {
            "PINNING": {"IDENTITY": "tests.pins.test_identity_rule.asynchronous", **SERVER},
            "CACHES": CACHED,
        },
    ),
    ("W001", {"PINNING": {"REPLICAS": {}}}),
    ("W001", {"PINNING": {"REPLICAS": {"default": []}}}),
    ("W002", {"DATABASE_ROUTERS": []}),
    ("W002", {"DATABASE_ROUTERS": [object()]}),
    ("W003", {"MIDDLEWARE": [SESSIONS]}),
    ("W004", {"PINNING": {"STORES": ["redis"]}, "CACHES": redis_cache(SOCKET_TIMEOUT=1)}),
    ("W004", {"PINNING": {"STORES": ["redis"]}, "CACHES": redis_cache(SOCKET_CONNECT_TIMEOUT=1)}),
    ("W005", {"PINNING": {"STORES": ["cache"]}}),
    ("W036", {"PINNING": {"USE_REPLICAS": "shadow"}}),
    ("E048", {"CACHES": {"default": TRUE}}),
    ("E048", {"CACHES": {"default": {**TRUE, "LOCATION": "nowhere"}}}),
    ("E048", {"CACHES": {"default": {**TRUE, "LOCATION": "default"}}}),
    ("E049", {"PINNING": {"STORES": ["cache"]}, "CACHES": TRUE_AND_PLAIN}),
    ("E049", {"PINNING": {"USE_REPLICAS": "shadow"}, "CACHES": TRUE_AND_PLAIN}),
    *(("W039", {"PINNING": SERVER, "CACHES": {"default": cache}}) for cache in SEVERAL),
    ("W039", {"CACHES": {**TRUE_AND_PLAIN, "plain": SEVERAL[0]}}),
    ("W006", {"DATABASES": database(TEST={})}),
    ("W006", {"DATABASES": database(TEST={"MIRROR": "elsewhere"})}),
    ("W007", {"PINNING": {"WINDOW": 61}}),
    ("W014", {"PINNING": {"MAX_LAG": 60}}),
    ("W014", {"PINNING": {"MAX_PIN": 30}}),
    ("W008", {"SESSION_SAVE_EVERY_REQUEST": True}),
    (
        "W008",
        {
            "SESSION_SAVE_EVERY_REQUEST": True,
            "SESSION_ENGINE": "django.contrib.sessions.backends.cached_db",
        },
    ),
    ("W013", two({"shop": "orders"})),
    ("W023", {"SESSION_COOKIE_PATH": "/shop/"}),
    ("W023", {"PINNING": {"COOKIE": HOST}, "SESSION_COOKIE_PATH": "/shop/"}),
    ("W015", {"PINNING": {"IDENTITY": "tests.pins.test_identity_rule.by_tenant"}}),
]

KEPT = {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}

BAD_FOR_DEPLOYMENT = [
    ("W009", {"SESSION_COOKIE_SECURE": False}),
    ("W009", {"PINNING": {"COOKIE": {"SECURE": False}}}),
    ("W010", {"DATABASES": database(CONN_MAX_AGE=0)}),
    ("W011", {"DATABASES": database(CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=False)}),
    ("W011", {"DATABASES": database(OPTIONS={"pool": True}, CONN_HEALTH_CHECKS=False)}),
    ("W012", {"DATABASES": database(**KEPT, ENGINE="django.db.backends.postgresql")}),
    ("W012", {"DATABASES": database(**KEPT, ENGINE="django.db.backends.mysql")}),
    (
        "W012",
        {
            "DATABASES": database(
                **KEPT,
                ENGINE="django.contrib.gis.db.backends.postgis",
                OPTIONS={"connect_timeout": 2, "pool": True},
            )
        },
    ),
]

#: Needs django-redis not to be installed: see the test of its own.
#: In test_packages.py and tests/pins/test_signing.py, and what asks servers in tests/live.
ELSEWHERE = {
    f"pinning.{id_}"
    for id_ in (
        *("E017", "E035", "E038", "W016", "W019", "W020", "W021", "W022", "W038"),
        *(f"E0{number}" for number in range(42, 47)),  # what is found by asking the servers
        *(f"W0{number}" for number in range(24, 36)),
    )
}


@pytest.mark.parametrize(("id", "changes"), BAD)
def test_what_is_wrong_is_told_under_its_id_alone(id, changes):  # noqa: A002
    changes = dict(changes)
    if isinstance(changes.get("PINNING"), list):
        with override_settings(PINNING=changes["PINNING"]):
            assert [message.id for message in messages()] == [f"pinning.{id}"]
        return
    assert found(**changes) == [f"pinning.{id}"]


def test_each_key_to_an_unpinned_model_is_told():
    with override_settings(PINNING={**PINNING, **both("notes.Note")}):
        fields = [str(message.obj) for message in messages()]
    assert fields == ["notes.Note_tags.note", "notes.Attachment.note"]


def test_a_key_to_an_unpinned_model_from_one_that_is_read_on_the_primary_is_right():
    primary = ["notes.Note", "notes.Attachment", "notes.Note_tags"]
    assert found(PINNING={"PRIMARY_MODELS": primary, "UNPINNED_MODELS": ["notes.Note"]}) == []


def test_a_model_that_is_swapped_is_told_with_the_one_in_its_place():
    with override_settings(AUTH_USER_MODEL="notes.Note"):
        [message] = listed_models_exist(Settings(primary_models=("auth.User",)))
    assert "swapped for 'notes.Note'" in message.msg


@pytest.mark.parametrize(("id", "changes"), BAD_FOR_DEPLOYMENT)
def test_what_is_wrong_in_production_is_told_under_its_id_alone(id, changes):  # noqa: A002
    assert found(deploy=True, **{**GOOD_FOR_DEPLOYMENT, **changes}) == [f"pinning.{id}"]


@pytest.mark.parametrize(("id", "changes"), BAD_FOR_DEPLOYMENT)
def test_what_matters_in_production_alone_is_told_there_alone(id, changes):  # noqa: A002
    assert found(**changes) == []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"PINNING": {"REPLICAS": {"default": ["replica1", "replica2"]}}},
        {"PINNING": {"PRIMARY_MODELS": ["sessions.Session", "auth.user"]}},
        {"PINNING": {"STORES": ["redis"]}, "CACHES": redis_cache(**TIMEOUTS)},
        {
            "PINNING": {"STORES": ["cookie", "redis"]},
            "CACHES": redis_cache(
                CONNECTION_POOL_KWARGS={"socket_timeout": 1, "socket_connect_timeout": 1}
            ),
        },
        {"PINNING": {"STORES": ["cache"]}, "CACHES": CACHED},
        {"PINNING": SERVER, "CACHES": CACHED, "SESSION_COOKIE_DOMAIN": "d" * 40},
        {"PINNING": {"COOKIE": {"NAME": "n" * 20}}, "SESSION_COOKIE_DOMAIN": "d" * 4},
        {
            "PINNING": {"IDENTITY": "tests.pins.test_identity_rule.by_tenant", **SERVER},
            "CACHES": CACHED,
        },
        {"PINNING": {"STORES": ["pinning.pins.stores.cookie.CookieStore"]}},
        {"PINNING": {"WINDOW": 60}},
        {"SESSION_COOKIE_PATH": "/shop/", "PINNING": {"COOKIE": {"PATH": "/shop/"}}},
        {"SESSION_COOKIE_PATH": "/shop/", "PINNING": {"COOKIE": {"PATH": "/"}}},
        {"DATABASES": database("default", ATOMIC_REQUESTS=True)},
        {"DATABASE_ROUTERS": ["tests.checks.test_settings.MyRouter"]},
        {"DATABASE_ROUTERS": [PinningRouter()]},
        {"MIDDLEWARE": ["tests.checks.test_settings.MyMiddleware", SESSIONS]},
        {"MIDDLEWARE": ["django.middleware.security.SecurityMiddleware", OURS, SESSIONS]},
        {
            "SESSION_SAVE_EVERY_REQUEST": True,
            "PINNING": both("sessions.session"),
        },
        {
            "SESSION_ENGINE": "django.contrib.sessions.backends.cached_db",
            "PINNING": {"UNPINNED_MODELS": ["sessions.Session"]},
        },
        {"PINNING": both("admin.LogEntry")},
        {"PINNING": both("notes.Audit")},
        {
            "SESSION_SAVE_EVERY_REQUEST": True,
            "SESSION_ENGINE": "django.contrib.sessions.backends.cache",
        },
        two({"shop": "default", "django_cache": "orders"}),
        two({"move": SHARD}),
        two({"shop": moved("shop.Order", from_="default", to="orders")}),
        two(READ_ONLY=["orders"], REPLICAS={"default": ["replica1"], "orders": []}),
        *({"PINNING": SERVER, "CACHES": {"default": cache}} for cache in IN_FILES),
    ],
)
def test_good_settings_are_told_nothing(changes):
    assert found(**changes) == []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"SESSION_COOKIE_SECURE": False, "PINNING": {"COOKIE": {"SECURE": True}}},
        {"DATABASES": database(OPTIONS={"pool": True}, CONN_HEALTH_CHECKS=True)},
    ],
)
def test_good_settings_are_told_nothing_in_production(changes):
    assert found(deploy=True, **{**GOOD_FOR_DEPLOYMENT, **changes}) == []


@pytest.mark.django_db(databases="__all__")
def test_the_settings_of_the_tests_are_told_nothing_by_any_check():
    assert run_checks() == []


def test_a_redis_without_any_timeout_is_told_of_both():
    ids = found(PINNING={"STORES": ["redis"]}, CACHES=redis_cache())
    assert ids == ["pinning.W004", "pinning.W004"]


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ({}, 0),
        ({"SENTINEL_KWARGS": None}, 0),
        ({"SENTINEL_KWARGS": {}}, 2),
        ({"SENTINEL_KWARGS": {"socket_timeout": 0.2, "socket_connect_timeout": 0.2}}, 0),
    ],
)
def test_sentinels_have_timeouts_of_their_own(more, count):
    """Those of OPTIONS count for them only if SENTINEL_KWARGS is not there, be it empty."""
    cache = redis_cache(**TIMEOUTS, SENTINELS=[("localhost", 26379)], **more)
    assert found(PINNING={"STORES": ["redis"]}, CACHES=cache) == ["pinning.W004"] * count


def test_the_redis_store_needs_django_redis(monkeypatch):
    monkeypatch.setitem(sys.modules, "django_redis", None)  # as if it were not installed
    ids = found(PINNING={"STORES": ["redis"]}, CACHES=redis_cache(**TIMEOUTS))
    assert ids == ["pinning.E017"]


def test_wrong_values_are_told_before_what_follows_from_them():
    """The other checks read the settings, which cannot be parsed."""
    assert found(PINNING={"WINDOW": 0}, MIDDLEWARE=[]) == ["pinning.E004"]


def test_wrong_values_do_not_break_the_checks_for_production():
    assert found(deploy=True, PINNING={"WINDOW": 0}) == ["pinning.E004"]


def test_every_message_says_what_to_do():
    for _, changes in BAD:
        if isinstance(changes.get("PINNING"), list):
            continue
        changed = {**changes, "PINNING": {**PINNING, **changes.get("PINNING", {})}}
        with override_settings(**changed):
            assert all(message.hint for message in messages() if "pinning" in message.id)


@pytest.mark.parametrize(
    ("models", "field"),
    [
        ({"shop.Line": "orders"}, "shop.Line.order"),
        ({"shop.Product": "orders"}, "shop.Order.products"),
        ({"shop.GiftOrder": "orders"}, "shop.GiftOrder.order_ptr"),
        ({"shop": "orders"}, "shop.Order.customer"),
    ],
)
def test_a_relation_that_leaves_its_cluster_is_told_with_both_models_and_clusters(models, field):
    with override_settings(**two(models)):
        (message,) = messages()
    assert str(message.obj) == field
    one, other = message.obj.model, message.obj.related_model
    for part in (field, one._meta.label, other._meta.label, "'default'", "'orders'"):
        assert part in message.msg


@pytest.mark.parametrize(
    ("models", "told"),
    [
        ({"shop": SHARD}, {("W013", "shop.Order.customer")}),
        ({"notes.Attachment": SHARD}, {("E028", "notes.Attachment.note")}),
        (
            {"shop.Order": SHARD},
            {
                ("W013", "shop.Order.customer"),
                ("E028", "shop.Order.products"),
                ("E028", "shop.Line.order"),
            },
        ),
        (
            {"shop": SHARD, "shop.Line": "tests.conf.test_clusters.elsewhere"},
            {("W013", "shop.Order.customer")},
        ),
    ],
)
def test_a_relation_of_a_sharded_model_to_one_that_is_not_is_told(models, told):
    with override_settings(**two(models)):
        found = {(message.id[8:], str(message.obj)): message.msg for message in messages()}
    crossing = {key: said for key, said in found.items() if key[0] in ("E028", "W013")}
    assert crossing.keys() == told
    assert all(SHARD in said and "'default'" in said for said in crossing.values())


def test_only_a_key_without_a_constraint_may_leave_its_cluster():
    with override_settings(**two({"shop.Line": "orders"})):
        assert "db_constraint=False" in messages()[0].hint
    for models in ({"shop.Product": "orders"}, {"shop.GiftOrder": "orders"}):
        with override_settings(**two(models)):
            assert "db_constraint" not in messages()[0].hint


def ids_in(text):
    return re.findall(r"pinning\.([EW]\d{3})", text)


def ids_of_code():
    package = Path(pinning.__file__).parent
    folders = [package / "checks", package / "diagnosis"]
    paths = [package / "conf" / "rules.py", *(path for of in folders for path in of.glob("*.py"))]
    return [id_ for path in paths for id_ in ids_in(path.read_text())]


def test_no_two_checks_share_an_id():
    assert len(set(ids_of_code())) == len(ids_of_code())


def test_the_ids_of_each_level_leave_no_gap():
    for level in "EW":
        numbers = sorted(int(id_[1:]) for id_ in ids_of_code() if id_[0] == level)
        assert numbers == list(range(1, len(numbers) + 1))


def test_every_id_has_a_row_in_the_docs_and_every_row_an_id():
    rows = [
        line
        for line in (ROOT / "docs" / "checks.md").read_text().splitlines()
        if line.startswith("| `pinning.")
    ]
    assert sorted(ids_in(" ".join(row.split("|")[1] for row in rows))) == sorted(ids_of_code())


def test_every_id_is_triggered_by_a_test():
    triggered = {f"pinning.{id_}" for id_, _ in BAD + BAD_FOR_DEPLOYMENT} | ELSEWHERE
    assert triggered == {f"pinning.{id_}" for id_ in ids_of_code()}


@pytest.mark.parametrize(
    ("cookie", "changes"),
    [
        (HOST, {}),
        ({"NAME": "__Host-pin"}, {"SESSION_COOKIE_SECURE": True}),
        ({**HOST, "PATH": "/"}, {"SESSION_COOKIE_PATH": "/app"}),
        ({"NAME": "__Secure-pin", "SECURE": True, "DOMAIN": "example.org"}, {}),
        ({"NAME": "pin", "DOMAIN": "example.org"}, {}),
        ({"NAME": "__host", "PATH": "/app"}, {}),
        ({"NAME": "__secure-pin", "SECURE": True}, {}),
        ({"SAMESITE": "None", "SECURE": True}, {}),
        ({}, {"SESSION_COOKIE_SAMESITE": "None", "SESSION_COOKIE_SECURE": True}),
        ({"SAMESITE": "Lax"}, {"SESSION_COOKIE_SAMESITE": "None"}),
        ({}, {"SESSION_COOKIE_SAMESITE": False}),
    ],
)
def test_a_cookie_that_browsers_take_is_right(cookie, changes):
    assert found(PINNING={"COOKIE": cookie}, **changes) == []


def test_all_that_a_cookie_lacks_is_told_at_once():
    cookie = {"NAME": "__host-pin", "PATH": "/app", "SAMESITE": "None"}
    with override_settings(PINNING={**PINNING, "COOKIE": cookie}):
        (message,) = messages()
    assert "'__host-pin' and SameSite=None" in message.msg
    assert 'set "SECURE": True and set "PATH": "/"' in message.hint


def test_middleware_that_cannot_be_imported_is_left_to_django():
    assert found(MIDDLEWARE=["tests.nowhere.Middleware", OURS, SESSIONS]) == []
