"""Users with several clients, and clients with tokens: whose pins a request has, and from when."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpResponse
from django.utils.functional import SimpleLazyObject

from pinning import Reason, breaker, current_scope, scope
from pinning.health import status
from tests.notes.models import Note
from tests.test_middleware import (
    Memory,
    cookies_after,
    memory,
    read,
    routed,
    send,
    send_async,
    write,
)

__all__ = ["memory"]

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "replica1", "replica2"]),
    pytest.mark.usefixtures("memory"),
]

PHONE, LAPTOP = {"sessionid": "phone"}, {"sessionid": "laptop"}
TOKEN = {"Authorization": "Token 401f"}


def resolving(view, user, name="user"):
    """A view in which somebody resolves the user by and by: first lazy, then a read, then known."""

    def resolve(request):
        request.user = SimpleLazyObject(lambda: user)
        before = routed(read())
        if name == "user":
            assert request.user.pk == user.pk
        else:
            setattr(request, name, user)
        response = view(request)
        response.headers["X-Before"] = before[1]
        return response

    return resolve


def test_a_client_with_a_token_and_no_cookies_reads_its_writes():
    send(write, "POST", **TOKEN)
    assert routed(send(read, **TOKEN)) == ("default", Reason.PINNED)
    assert routed(send(read, Authorization="Token 401e")) == ("replica1", Reason.REPLICA)
    assert routed(send(read)) == ("replica1", Reason.REPLICA)


def test_a_client_with_a_key_in_a_header_that_the_settings_name_reads_its_writes(settings):
    key = {"X-Api-Key": "401f"}
    send(write, "POST", **key)
    assert routed(send(read, **key)) == ("replica1", Reason.REPLICA)
    headers = ["Authorization", "X-Api-Key"]
    settings.PINNING = {**settings.PINNING, "IDENTITY_HEADERS": headers}
    send(write, "POST", **key)
    assert routed(send(read, **key)) == ("default", Reason.PINNED)
    assert routed(send(read, **{"X-Api-Key": "401e"})) == ("replica1", Reason.REPLICA)
    send(write, "POST", **TOKEN)
    assert routed(send(read, **TOKEN)) == ("default", Reason.PINNED)


def test_a_client_with_a_token_that_begins_to_send_cookies():
    send(write, "POST", **TOKEN)
    assert routed(send(read, cookies=LAPTOP, **TOKEN)) == ("default", Reason.PINNED)


def test_what_a_user_writes_on_the_phone_is_seen_on_the_laptop():
    user = User(pk=5)
    send(resolving(write, user), "POST", PHONE)
    response = send(resolving(read, user), cookies=LAPTOP)
    assert response["X-Before"] == Reason.REPLICA
    assert routed(response) == ("default", Reason.PINNED)


def test_another_user_stays_on_the_replica():
    send(resolving(write, User(pk=5)), "POST", PHONE)
    response = send(resolving(read, User(pk=6)), cookies=LAPTOP)
    assert routed(response) == ("replica1", Reason.REPLICA)


@pytest.mark.parametrize("name", ["user", "auth", "_acached_user"])
def test_the_user_is_taken_up_wherever_it_is_put(name):
    user = User(pk=5)
    send(resolving(write, user, name), "POST", PHONE)
    response = send(resolving(read, user, name), cookies=LAPTOP)
    assert routed(response) == ("default", Reason.PINNED)


def test_a_user_that_nobody_resolves_stays_unresolved():
    def never():
        raise AssertionError("somebody resolved the user")

    def view(request):
        request.user = SimpleLazyObject(never)
        read()
        write()
        return read()

    send(view, "POST", PHONE)
    assert routed(send(lambda request: setattr(request, "user", SimpleLazyObject(never)) or read()))


def test_the_pins_of_a_user_cost_one_call_and_only_once():
    user = User(pk=5)
    send(resolving(write, user), "POST", PHONE)
    Memory.calls.clear()

    def reads(request):
        read()
        read()
        request.user = User(pk=5)  # the same one in another place
        return read()

    send(resolving(reads, user), cookies=LAPTOP)
    assert Memory.calls == ["load", "load"]


def test_a_user_who_is_known_before_the_first_read_costs_no_call_of_its_own():
    def view(request):
        request.user = User(pk=5)
        return read()

    send(view, cookies=LAPTOP)
    assert Memory.calls == ["load"]


def test_an_anonymous_user_costs_no_call():
    send(resolving(read, AnonymousUser()), cookies=LAPTOP)
    assert Memory.calls == ["load"]


def test_somebody_else_may_come_in_a_second_time():
    """An administrator who looks at the site as another user sees what that one wrote."""
    admin, user = User(pk=1), User(pk=5)
    send(resolving(write, user), "POST", PHONE)

    def disguised(request):
        assert routed(read()) == ("replica1", Reason.REPLICA)
        request.user = user
        return read()

    response = send(resolving(disguised, admin), cookies=LAPTOP)
    assert routed(response) == ("default", Reason.PINNED)


def test_who_logs_in_is_known_afterwards():
    def sign_in(request):
        response = write()
        request.user = User(pk=5)
        response.set_cookie("sessionid", "new")
        return response

    send(sign_in, "POST")
    response = send(resolving(read, User(pk=5)), cookies=LAPTOP)
    assert routed(response) == ("default", Reason.PINNED)


@pytest.mark.parametrize("reads_before", [True, False])
def test_who_logs_out_was_still_who_wrote(reads_before):
    def sign_out(request):
        request._cached_user = User(pk=5)
        request.user = SimpleLazyObject(lambda: request._cached_user)
        if reads_before:
            assert request.user.pk == 5
        request.user = AnonymousUser()
        return write()

    send(sign_out, "POST", PHONE)
    response = send(resolving(read, User(pk=5)), cookies=LAPTOP)
    assert routed(response) == ("default", Reason.PINNED)


def test_a_scope_inside_the_request_knows_the_user_too():
    user = User(pk=5)
    send(resolving(write, user), "POST", PHONE)

    def inner(request):
        with scope():
            return read()

    def around(request):
        with scope() as work:
            assert routed(read()) == ("replica1", Reason.REPLICA)
            request.user = user
            assert current_scope() is work
            return read()

    assert routed(send(resolving(inner, user), cookies=LAPTOP)) == ("default", Reason.PINNED)
    assert routed(send(around, cookies=LAPTOP)) == ("default", Reason.PINNED)


def test_when_the_store_dies_in_between_the_primary_answers():
    def view(request):
        breaker.reset()
        Memory.is_down = True
        return read()

    response = send(resolving(view, User(pk=5)), cookies=LAPTOP)
    assert response["X-Before"] == Reason.REPLICA
    assert routed(response) == ("default", Reason.STORES_DOWN)


def test_when_the_store_dies_for_another_thread_in_between_who_had_an_answer_keeps_it(monkeypatch):
    load = Memory.load

    def load_while_another_gets_no_answer(store, visitor):
        monkeypatch.setattr(Memory, "load", load)
        Memory.is_down = True
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(current_scope().pins).result() is None
        Memory.is_down = False
        return load(store, visitor)

    def view(request):
        monkeypatch.setattr(Memory, "load", load_while_another_gets_no_answer)
        return read()

    response = send(resolving(view, User(pk=5)), cookies=LAPTOP)
    assert response["X-Before"] == Reason.REPLICA
    assert routed(response) == ("replica1", Reason.REPLICA)


def test_a_replica_that_was_set_aside_meanwhile_is_not_kept():
    def view(request):
        status.replica("replica1").breaker.set_aside(60)
        return read()

    response = send(resolving(view, User(pk=5)), cookies=LAPTOP)
    assert response["X-Before"] == Reason.REPLICA
    assert routed(response) == ("default", Reason.NO_REPLICA)


def test_an_event_loop_waits_for_a_thread_to_ask_for_the_pins_of_a_new_user():
    seen = []

    async def view(request):
        await Note.objects.acount()
        seen.append(routed(read()))
        request.user = User(pk=5)
        seen.append(routed(read()))
        await Note.objects.acount()
        seen.append(routed(read()))
        return HttpResponse()

    send_async(view, cookies=LAPTOP)
    replica = ("replica1", Reason.REPLICA)
    assert seen == [replica, ("default", Reason.EVENT_LOOP), replica]
    send(resolving(write, User(pk=5)), "POST", PHONE)
    send_async(view, cookies=LAPTOP)
    assert seen[3:] == [replica, ("default", Reason.EVENT_LOOP), ("default", Reason.PINNED)]


def test_a_client_with_a_token_comes_back_to_the_same_replica(settings):
    settings.PINNING = {**settings.PINNING, "REPLICAS": {"default": ["replica1", "replica2"]}}
    seen = set()
    for number in range(20):
        header = f"Token {number}"
        replicas = {routed(send(read, Authorization=header)) for _ in range(5)}
        assert len(replicas) == 1
        seen |= replicas
    assert len(seen) == 2


def test_with_pins_in_cookies_alone_nobody_looks_for_the_user(settings):
    settings.PINNING = {**settings.PINNING, "STORES": ["cookie"]}
    send(resolving(lambda request: HttpResponse(str(current_scope().users)), User(pk=5)))
    response = send(lambda request: HttpResponse(str(current_scope().users)))
    assert response.content == b"None"


def tenants(request):
    return [request.headers["X-Tenant"]]


@pytest.fixture
def by_tenant(settings):
    settings.PINNING = {**settings.PINNING, "IDENTITY": f"{__name__}.tenants"}


@pytest.mark.usefixtures("by_tenant")
def test_by_a_rule_of_the_site_its_names_alone_count():
    response = send(write, "POST", PHONE, **{"X-Tenant": "acme"})
    assert not cookies_after(response)
    one = send(read, cookies=LAPTOP, **{"X-Tenant": "acme"})
    other = send(read, cookies=PHONE, **{"X-Tenant": "other"})
    assert routed(one) == ("default", Reason.PINNED)
    assert routed(other) == ("replica1", Reason.REPLICA)
    assert len(Memory.saved) == 1


@pytest.mark.usefixtures("by_tenant")
def test_a_rule_that_fails_sends_reads_to_the_primary_and_pins_into_a_cookie(caplog):
    assert routed(send(read, cookies=LAPTOP)) == ("default", Reason.STORES_DOWN)
    cookies = cookies_after(send(write, "POST", LAPTOP))
    assert {name.partition(".")[0] for name in cookies} == {"pinning"}
    assert routed(send(read, cookies=cookies, **{"X-Tenant": "acme"})) == ("default", Reason.PINNED)
    assert len(caplog.records) == 1
    assert Memory.calls == ["load"]


def test_what_a_rule_reads_is_read_from_the_primary(settings):
    seen = []

    def rule(request):
        Note.objects.first()
        seen.append(routed(read()))
        return ["acme"]

    settings.PINNING = {**settings.PINNING, "IDENTITY": rule}
    assert routed(send(read)) == ("replica1", Reason.REPLICA)
    assert seen == [("default", Reason.STORES_DOWN)]


def test_no_name_stands_in_a_store():
    send(resolving(write, User(pk=5)), "POST", {"sessionid": "secret-session"}, **TOKEN)
    assert len(Memory.saved) == 4
    assert {len(name) for name in Memory.saved} == {64}
