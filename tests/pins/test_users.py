"""The user of a request: seen once something has resolved it, and never resolved by looking."""

from types import SimpleNamespace
from uuid import UUID

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.test import RequestFactory, override_settings
from django.test.utils import isolate_apps
from django.utils.functional import SimpleLazyObject

from pinning.pins.users import NOBODY, ResolvedUsers, id_of, is_open
from tests.shop.models import Customer


class TokenUser:
    """As those of stateless tokens: no model."""

    is_authenticated = True

    def __init__(self, pk):
        self.pk = pk


class Untouchable:
    """Lazy in a way of its own."""

    def __getattribute__(self, name):
        raise AssertionError(f"{name} was touched")


def never():
    raise AssertionError("somebody resolved the user")


def resolved(user):
    lazy = SimpleLazyObject(lambda: user)
    assert str(lazy) == str(user)
    return lazy


@pytest.mark.parametrize(
    ("make", "id_"),  # pytest would touch users that are lazy
    [
        (lambda: User(pk=5), "5"),
        (lambda: TokenUser("5"), "5"),
        (lambda: TokenUser(UUID(int=5)), str(UUID(int=5))),
        (lambda: TokenUser(0), "0"),
        (lambda: SimpleNamespace(is_authenticated=True, pk=5), "5"),
        (lambda: resolved(User(pk=5)), "5"),
        (lambda: SimpleLazyObject(lambda: User(pk=5)), None),
        (lambda: SimpleLazyObject(never), None),
        (lambda: resolved(AnonymousUser()), None),
        (lambda: AnonymousUser(), None),
        (lambda: User(), None),
        (lambda: None, None),
        (lambda: "a token", None),
        (lambda: True, None),
        (lambda: SimpleNamespace(is_authenticated=False, pk=5), None),
        (lambda: SimpleNamespace(is_authenticated=True), None),
        (lambda: Untouchable(), None),
    ],
)
def test_the_id_of_a_user(make, id_):
    assert id_of(make()) == id_


@isolate_apps("tests.notes")
def test_a_proxy_or_a_child_of_the_user_model_is_the_same_user():
    class Proxy(User):
        class Meta:
            proxy = True
            app_label = "notes"

    class Child(User):
        class Meta:
            app_label = "notes"

    assert id_of(Proxy(pk=5)) == id_of(Child(pk=5)) == "5"


def test_a_user_of_another_model_is_somebody_else():
    one, same, other = (Customer(pk=UUID(int=number)) for number in (5, 5, 6))
    assert id_of(one) == id_of(same)
    assert id_of(one) not in {str(UUID(int=5)), id_of(other), None}


@override_settings(AUTH_USER_MODEL="shop.Customer")
def test_whose_model_is_the_user_model_is_known_by_the_key_alone():
    assert id_of(Customer(pk=UUID(int=5))) == str(UUID(int=5))
    assert id_of(User(pk=5)) != "5"


@override_settings(AUTH_USER_MODEL="nowhere.User")
def test_a_user_model_that_is_not_installed_is_no_error():
    assert id_of(User(pk=5)).endswith("5")


def test_a_user_who_is_lazy_twice_over():
    """As two-factor middleware makes them."""
    inner = SimpleLazyObject(lambda: User(pk=5))
    outer = SimpleLazyObject(lambda: inner)
    assert id_of(outer) is None
    assert is_open(outer)
    assert outer.pk == 5
    assert id_of(outer) == "5"
    assert not is_open(outer)


@pytest.fixture
def request_():
    return RequestFactory().get("/")


@pytest.fixture
def users(request_):
    return ResolvedUsers(request_)


def test_a_request_without_a_user(users):
    assert users.ids() is NOBODY


def test_a_user_is_seen_once_something_resolves_it(request_, users):
    request_.user = SimpleLazyObject(lambda: User(pk=5))
    assert users.ids() is NOBODY
    assert request_.user.pk == 5
    assert users.ids() == ("5",)


def test_looking_does_not_resolve_the_user(request_, users):
    request_.user = SimpleLazyObject(never)
    for _ in range(3):
        assert users.ids() is NOBODY


@pytest.mark.parametrize("name", ["user", "auth", "_cached_user", "_acached_user"])
def test_every_place_where_a_user_may_be(request_, users, name):
    request_.user = SimpleLazyObject(never)
    users.ids()
    setattr(request_, name, User(pk=5))
    assert users.ids() == ("5",)


@pytest.mark.parametrize("name", ["user", "auth"])
@pytest.mark.parametrize(
    "before",
    [lambda: None, AnonymousUser, lambda: "token", lambda: SimpleLazyObject(never)],
)
def test_a_user_that_takes_the_place_of_something_else(request_, users, name, before):
    setattr(request_, name, before())
    assert users.ids() is NOBODY
    setattr(request_, name, User(pk=5))
    assert users.ids() == ("5",)


def test_a_lazy_user_inside_a_lazy_user_is_seen_at_last(request_, users):
    inner = SimpleLazyObject(lambda: User(pk=5))
    request_.user = SimpleLazyObject(lambda: inner)
    assert users.ids() is NOBODY
    assert request_.user.pk == 5
    assert users.ids() == ("5",)


def test_the_ids_are_one_object_until_there_is_another_user(request_, users):
    request_.user = User(pk=5)
    before = users.ids()
    request_.user = User(pk=5)
    request_.more = 1
    assert users.ids() is before
    request_.user = User(pk=6)
    assert users.ids() == ("5", "6")


def test_who_logs_out_is_not_forgotten(request_, users):
    request_.user = User(pk=5)
    users.ids()
    request_.user = AnonymousUser()
    assert users.ids() == ("5",)


def test_who_logs_out_without_having_been_looked_at(request_, users):
    """Django's middleware keeps whom it resolved."""
    request_._cached_user = User(pk=5)
    request_.user = AnonymousUser()
    assert users.ids() == ("5",)


def test_a_request_that_is_over_is_let_go(request_, users):
    request_.user = User(pk=5)
    before = users.ids()
    users.forget()
    request_.user = User(pk=6)
    assert users.ids() is before
