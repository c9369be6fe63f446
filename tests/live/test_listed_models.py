"""Models that are read from the primary, and models whose writes pin nobody, while a replica lags.

Two scopes are two requests of one visitor: the second opens with the pins of the first.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

import pytest
from django.apps import AppConfig, apps
from django.conf import settings as django_settings
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.core.management import call_command
from django.db import connections

from pinning import Scope, scope, source_of, use_replica
from tests.live.conftest import on_each_database
from tests.live.site.pair import Pair
from tests.notes.models import Attachment, Audit, Note

pytestmark = [on_each_database, pytest.mark.usefixtures("aliases")]

CACHE = {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache_table"}
CACHED = "django.contrib.sessions.backends.cached_db"


@pytest.fixture
def listed(settings, pair: Pair):
    """Sets both lists. The replica stops where it is, with a note of the one user's."""

    def change(primary: list[str], unpinned: list[str]) -> User:
        lists = {"PRIMARY_MODELS": primary, "UNPINNED_MODELS": unpinned}
        settings.PINNING = {**settings.PINNING, **lists}
        User.objects.update(first_name="old")
        user = User.objects.get()
        Note.objects.create(text="old", author=user)
        pair.catch_up()
        pair.replica.pause_replay()
        return user

    return change


@contextmanager
def after(request: Scope) -> Iterator[Scope]:
    """The next request of the same visitor."""
    pins = request.take_pins()
    with scope() as following:
        following.receive(pins)
        yield following


def names_of_author() -> set[str]:
    """The author's first name, by each way to join it."""
    return {
        Note.objects.select_related("author").get().author.first_name,
        Note.objects.values_list("author__first_name", flat=True).get(),
        *("new" for _ in Note.objects.filter(author__first_name="new")),
        *("old" for _ in Note.objects.filter(author__first_name="old")),
    }


def test_who_writes_to_a_primary_model_sees_it_in_joins(listed):
    user = listed(["auth.User"], [])
    with scope() as request:
        user.first_name = "new"
        user.save()
    with after(request):
        assert User.objects.get().first_name == "new"
        assert names_of_author() == {"new"}


def test_others_see_a_primary_model_at_once_and_joins_to_it_late(listed):
    user = listed(["auth.User"], [])
    User.objects.filter(pk=user.pk).update(first_name="new")
    with scope():
        assert User.objects.get().first_name == "new"
        assert names_of_author() == {"old"}


def test_joins_to_a_model_in_both_lists_are_late(listed):
    """Which is what W018 warns of."""
    user = listed(["auth.User"], ["auth.User"])
    with scope() as request:
        user.first_name = "new"
        user.save()
    with after(request):
        assert User.objects.get().first_name == "new"
        assert names_of_author() == {"old"}


def test_sessions_in_both_lists_are_right_at_once_and_pin_nobody(listed):
    listed(["sessions.Session"], ["sessions.Session"])
    store = import_module("django.contrib.sessions.backends.db").SessionStore
    with scope() as request:
        session = store()
        session["seen"] = 1
        session.save()
        assert not request.has_unsaved_writes()
    with after(request):
        assert store(session.session_key)["seen"] == 1
        assert source_of(Note.objects.get()) == "replica1"


def test_a_log_in_both_lists_joins_what_the_primary_has(listed):
    """It has a key to the user, as an admin's log, an audit log and tokens have."""
    user = listed(["admin.LogEntry"], ["admin.LogEntry"])
    kind = ContentType.objects.get_for_model(Note)
    User.objects.update(first_name="new")
    with scope() as request:
        LogEntry.objects.create(
            user=user, content_type=kind, object_id=1, object_repr="note", action_flag=ADDITION
        )
        assert not request.has_unsaved_writes()
    with after(request):
        assert LogEntry.objects.select_related("user").get().user.first_name == "new"
    LogEntry.objects.all().delete()


@pytest.fixture
def tokens(pair: Pair):
    """A token of the one user's. Its app is there for this test: no other one has its table."""
    config = AppConfig.create("rest_framework.authtoken")
    apps.app_configs[config.label] = config
    with pytest.MonkeyPatch.context() as patch:  # for it to be no abstract model
        patch.setattr(django_settings, "INSTALLED_APPS", ["rest_framework.authtoken"])
        config.apps = apps
        config.import_models()
    apps.clear_cache()
    model = config.get_model("Token")
    with connections["default"].schema_editor() as editor:
        editor.create_model(model)
    model.objects.create(user=User.objects.get(), key="old")
    yield model.objects
    pair.execute("DROP TABLE authtoken_token")
    del apps.app_configs[config.label]
    apps.clear_cache()


def test_a_token_that_was_taken_away_fails_at_once_and_joins_to_it_late(listed, tokens):
    listed(["authtoken.Token"], [])
    tokens.all().delete()
    with scope():
        assert not tokens.select_related("user").filter(key="old").exists()
        assert User.objects.filter(auth_token__key="old").exists()


def test_it_serves_for_as_long_as_the_replica_lags_where_it_is_not_listed(listed, tokens):
    listed([], [])
    tokens.all().delete()
    with scope():
        assert tokens.select_related("user").filter(key="old").exists()


@pytest.mark.parametrize("primary", [[], ["authtoken.Token"]])
def test_who_changes_their_token_sees_it_in_joins(listed, tokens, primary):
    """So it has no need to be in UNPINNED_MODELS."""
    user = listed(primary, [])
    with scope() as request:
        tokens.all().delete()
        tokens.create(user=user, key="new")
    with after(request):
        assert tokens.select_related("user").get().key == "new"
        assert User.objects.get(auth_token__key="new") == user
        assert User.objects.values_list("auth_token__key", flat=True).get() == "new"


def test_a_log_that_only_pins_nobody_is_read_late(listed):
    """Which is what W017 warns of."""
    listed([], ["notes.Audit"])
    with scope() as request:
        Audit.objects.create(text="seen")
    with after(request):
        assert not Audit.objects.exists()
    Audit.objects.all().delete()


def test_a_counter_in_a_table_that_is_joined_is_late(listed):
    """In a table of its own it is right. W018 warns of this one."""
    listed(["notes.Note"], ["notes.Note"])
    Attachment.objects.create(note=Note.objects.get(), name="picture")
    with scope() as request:
        Note.objects.update(text="1 visit")
    with after(request):
        assert Note.objects.get().text == "1 visit"
        assert not Attachment.objects.filter(note__text="1 visit").exists()


@pytest.fixture
def cache(settings, pair: Pair):
    """The database cache, on both servers."""
    settings.CACHES = {"default": CACHE}
    call_command("createcachetable")
    yield caches["default"]
    pair.execute("DROP TABLE cache_table")


def test_a_lock_in_the_database_cache_has_one_holder(cache, pair: Pair):
    cache.add("lock", "first", timeout=0)  # has expired
    pair.catch_up()
    pair.replica.pause_replay()
    assert cache.add("lock", "second", timeout=60)
    with scope():
        assert cache.get("lock") == "second"
        assert not cache.add("lock", "third")
    with use_replica():
        assert cache.get_many(["lock"]) == {"lock": "second"}
    assert cache.get("lock") == "second"


def test_a_counter_in_the_database_cache_counts(cache, pair: Pair):
    pair.catch_up()
    pair.replica.pause_replay()
    with scope():
        cache.set("visits", 0)
    for _ in range(20):
        with scope() as request:
            cache.incr("visits")
            assert not request.has_unsaved_writes()
    assert cache.get("visits") == 20


@pytest.mark.parametrize("is_asked", [False, True])
def test_an_ended_session_does_not_come_back_into_a_cache(settings, pair: Pair, is_asked):
    settings.SESSION_ENGINE = CACHED
    store = import_module(CACHED).SessionStore
    session = store()
    session["user"] = 1
    session.save()
    pair.catch_up()
    pair.replica.pause_replay()
    store(session.session_key).delete()
    with scope():
        if is_asked:
            with use_replica():
                assert store(session.session_key).load() == {}
        else:
            assert store(session.session_key).load() == {}
    pair.catch_up()
    assert store(session.session_key).load() == {}
    assert not Session.objects.exists()
