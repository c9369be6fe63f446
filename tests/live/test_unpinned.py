"""What writes all the time, on servers that lag: it pins nobody, and what is given up for it.

Each is what the page of recipes says, with models that stand for those of other packages.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

import pytest
from django.contrib.auth.models import User, update_last_login
from django.utils import timezone

from pinning import Reason, Scope, scope, unpinned
from tests.live.conftest import on_each_database
from tests.live.site.pair import Pair
from tests.notes.models import Audit, Note, Tag

pytestmark = [on_each_database, pytest.mark.usefixtures("aliases")]


@pytest.fixture
def user(pair: Pair) -> User:
    """A user that the replica has, and a note. It stops there."""
    User.objects.update(last_login=None, first_name="old")
    Note.objects.create(text="0 visits")
    pair.catch_up()
    pair.replica.pause_replay()
    return User.objects.get()


@contextmanager
def after(request: Scope) -> Iterator[Scope]:
    """The next request of the same visitor."""
    pins = request.take_pins()
    with scope() as following:
        following.receive(pins)
        yield following


def is_served_by_the_replica(request: Scope) -> bool:
    with after(request) as following:
        Note.objects.count()
    return following.reads == {"default": {Reason.REPLICA: 1}}


@contextmanager
def pinning_nobody(settings, models: list[str], primary: bool) -> Iterator[Scope]:
    """A request that writes to ``models``, which are in one list or in both."""
    lists = {"UNPINNED_MODELS": models, "PRIMARY_MODELS": models if primary else []}
    settings.PINNING = {**settings.PINNING, **lists}
    with scope() as request:
        yield request
    assert is_served_by_the_replica(request)


def test_sessions_that_are_saved_at_each_request(settings, user):
    store = import_module("django.contrib.sessions.backends.db").SessionStore
    with pinning_nobody(settings, ["sessions.Session"], primary=True) as request:
        session = store()
        session["seen"] = 1
        session.save()
    with after(request):
        assert store(session.session_key)["seen"] == 1


def test_a_last_login(user):
    with scope() as request:
        unpinned(update_last_login)(sender=User, user=user)
    assert is_served_by_the_replica(request)
    assert User.objects.exclude(last_login=None).exists()


def test_a_last_seen_on_the_user_itself(user):
    with scope() as request:
        assert User.objects.get().first_name == "old"
        with unpinned():
            User.objects.filter(pk=user.pk).update(last_login=timezone.now())
    assert request.reads == {"default": {Reason.REPLICA: 1}}
    assert is_served_by_the_replica(request)


def test_a_counter_on_the_article_itself(user):
    with scope() as request:
        note = Note.objects.get()
        with unpinned():
            Note.objects.filter(pk=note.pk).update(text="1 visit")
        assert Note.objects.get().text == "1 visit"  # in this request it is current
    with after(request):
        assert Note.objects.get().text == "0 visits"  # what is given up


def test_what_was_written_before_the_counter_is_seen_in_the_next_request(user):
    with scope() as request:
        Tag.objects.create(name="mine")
        with unpinned():
            Note.objects.update(text="1 visit")
    with after(request):
        assert Tag.objects.get().name == "mine"


def test_a_search_hit(user):
    with scope() as request:
        with unpinned():
            Tag.objects.create(name="words")
    assert is_served_by_the_replica(request)


@pytest.mark.parametrize("what", ["a log of requests", "an editing session"])
def test_a_row_that_is_written_at_each_request(settings, user, what):
    Audit.objects.all().delete()
    with pinning_nobody(settings, ["notes.Audit"], primary=True) as request:
        Audit.objects.create(text=what)
        assert Audit.objects.get().text == what
    with after(request):
        assert Audit.objects.get().text == what


def test_an_audit_log_of_changes_is_pinned_with_the_change(settings, user):
    both = ["notes.Audit"]
    settings.PINNING = {**settings.PINNING, "UNPINNED_MODELS": both, "PRIMARY_MODELS": both}
    with scope() as request:
        Note.objects.update(text="changed")
        Audit.objects.create(text="changed")
    with after(request):
        assert Note.objects.get().text == "changed"


def test_a_picture_that_is_made_when_it_is_first_shown(settings, user):
    """The second visitor comes too early, and finds it on the primary."""

    def show() -> bool:
        """As Wagtail does it. Whether the row is made."""
        if Tag.objects.filter(name="picture").exists():
            return False
        return Tag.objects.get_or_create(name="picture")[1]

    with pinning_nobody(settings, ["notes.Tag"], primary=False):
        assert show()
        assert Tag.objects.filter(name="picture").exists()  # in this request it is there
    with scope() as second:
        assert not show()
    assert second.reads["default"][Reason.REPLICA] == 1
    assert not second.has_unsaved_writes()
