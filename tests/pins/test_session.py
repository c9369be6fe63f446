"""The user whom a session names, read from whatever keeps sessions."""

from importlib import import_module
from types import SimpleNamespace
from uuid import UUID

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import RequestFactory
from django.utils.functional import LazyObject

from pinning.pins import id_of, session, signed_in
from tests.shop.models import Customer

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

ENGINES = ["db", "cache", "cached_db", "signed_cookies", "file"]


def new_session(engine, **values):
    store = import_module(f"django.contrib.sessions.backends.{engine}").SessionStore
    made = store()
    made.update(values)
    made.save()
    return store(made.session_key)


def request_with(found):
    request = RequestFactory().get("/")
    request.session = found
    return request


def loaded(text):
    values = {SESSION_KEY: text}
    return SimpleNamespace(session_key="x", _session_cache=values, get=values.get)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_user_is_found_in_a_session_that_nobody_has_loaded(engine):
    assert signed_in(request_with(new_session(engine, **{SESSION_KEY: "5"}))) == "5"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_session_of_nobody(engine):
    assert signed_in(request_with(new_session(engine, basket=1))) is None


def test_it_costs_one_query_and_none_once_the_session_is_loaded(django_assert_num_queries):
    request = request_with(new_session("db", **{SESSION_KEY: "5"}))
    with django_assert_num_queries(1):
        assert signed_in(request) == "5"
    assert not hasattr(request.session, "_session_cache")  # nobody sees it
    assert request.session[SESSION_KEY] == "5"
    with django_assert_num_queries(0):
        assert signed_in(request) == "5"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_lazy_session_that_nobody_has_loaded(engine):
    """As Channels has it where nothing asks for the user."""
    lazy = LazyObject()
    lazy._wrapped = new_session(engine, **{SESSION_KEY: "5"})
    assert signed_in(request_with(lazy)) == "5"


def test_no_session_costs_nothing(django_assert_num_queries):
    store = import_module("django.contrib.sessions.backends.db").SessionStore
    with django_assert_num_queries(0):
        assert signed_in(RequestFactory().get("/")) is None
        assert signed_in(request_with(store())) is None
        assert signed_in(request_with(None)) is None


def test_the_name_is_that_of_the_resolved_user_whatever_its_key(settings):
    settings.AUTH_USER_MODEL = "shop.Customer"
    text = "123e4567e89b12d3a456426614174000"  # as another version of Django may have stored it
    found = loaded(text)
    assert signed_in(request_with(found)) == id_of(Customer(pk=UUID(text)))


@pytest.mark.parametrize("text", ["no number", "", [], 2.5j])
def test_what_is_no_key_is_nobody(text):
    assert signed_in(request_with(loaded(text))) is None


def test_an_engine_that_fails_is_told_of_once(caplog):
    class Down:
        def __init__(self, session_key):
            self.session_key = session_key

        def get(self, name):
            raise ConnectionError("secret")

    session._tell.cache_clear()
    for _ in range(2):
        assert signed_in(request_with(Down("x"))) is None
    (record,) = caplog.records
    assert "ConnectionError" in record.getMessage()
    assert "secret" not in record.getMessage()
