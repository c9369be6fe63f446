"""IDENTITY: a rule in place of ours, and what happens when it fails."""

import functools

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import RequestFactory

from pinning import Reason, default_identity
from pinning.middleware import PinningMiddleware
from pinning.pins import identity, identity_rule, signing
from tests.docs.visits import get, reasons
from tests.notes.models import Note
from tests.test_middleware import memory

__all__ = ["memory"]


def by_tenant(request):
    return [request.GET["tenant"]]


async def asynchronous(request):
    return []


@pytest.fixture
def use(settings):
    """Set IDENTITY."""

    def set_rule(rule):
        settings.PINNING = {**settings.PINNING, "IDENTITY": rule}

    return set_rule


def request_of(tenant="acme", session="abc"):
    request = RequestFactory().get("/", {"tenant": tenant})
    request.COOKIES["sessionid"] = session
    return request


def test_without_a_rule_ours_holds():
    request, response = request_of(), HttpResponse()
    assert identity.names_of(request, ["5"]) == identity.identities_of(request, ["5"])
    response.set_cookie("sessionid", "new")
    assert identity.names_after(request, response, ["5"]) == (
        *identity.identities_of(request, ["5"]),
        *identity.identities_after(request, response, ["5"]),
    )


@pytest.mark.parametrize("rule", [by_tenant, f"{__name__}.by_tenant"])
def test_a_rule_replaces_every_other_name(use, rule):
    use(rule)
    names = identity.names_of(request_of(session="one"), ["5"])
    assert names == identity.names_of(request_of(session="two"), ["6"])
    assert names == identity.names_after(request_of(), HttpResponse(), ["7"])
    assert names != identity.names_of(request_of(tenant="other"), ["5"])
    assert len(names) == 1


def test_names_are_hashed(use):
    use(by_tenant)
    assert "acme" not in identity.names_of(request_of())[0]


def test_a_name_is_what_a_scope_may_be_given(use):
    use(by_tenant)
    assert identity.names_of(request_of()) == signing.hashed("user", "acme")


def test_a_rule_may_know_nobody_or_many(use):
    use(lambda request: [])
    assert identity.names_of(request_of()) == ()
    use(lambda request: (name for name in ("a", "b", "a", "")))
    assert len(identity.names_of(request_of())) == 2


def failing(request):
    raise LookupError("secret")


@pytest.mark.parametrize(
    "rule",
    [
        failing,
        lambda request: None,
        lambda request: 5,
        lambda request: "secret",
        lambda request: ["a", 5],
        lambda request: [None],
        lambda request: [b"a"],
        lambda request: (failing(request) for _ in range(1)),
    ],
)
def test_a_rule_that_fails_is_reported_once_and_nobody_knows(use, rule, caplog):
    use(rule)
    for _ in range(3):
        assert identity.names_of(request_of()) is None
        assert identity.names_after(request_of(), HttpResponse()) == ()
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    "rule",
    [
        "tests.nowhere.rule",
        f"{__name__}.nothing",
        f"{__name__}.__doc__",
        f"{__name__}.asynchronous",
    ],
)
def test_a_rule_that_cannot_be_called_stops_the_start(use, rule):
    use(rule)
    with pytest.raises(ImproperlyConfigured, match="IDENTITY"):
        identity_rule.rule()


def test_a_rule_may_be_any_callable(use):
    use(functools.partial(by_tenant))
    assert len(identity.names_of(request_of())) == 1


def test_who_is_named_by_a_rule_gets_no_cookie(use):
    response = HttpResponse()
    use(by_tenant)
    identity.introduce(request_of(), response)
    assert not response.cookies
    use(None)
    identity.introduce(request_of(), response)
    assert response.cookies


def by_account(request):
    """Ours, and the account's, where the request has one."""
    account = request.GET.get("account")
    return [*default_identity(request), *([f"account:{account}"] if account else [])]


@pytest.mark.parametrize("rule", [default_identity, "pinning.default_identity", by_account])
def test_a_rule_that_returns_ours_changes_nothing(use, rule):
    request, response = request_of(), HttpResponse()
    response.set_cookie("sessionid", "new")
    answers = [
        lambda: identity.names_of(request, ["5"]),
        lambda: identity.names_after(request, response, ["5"]),
        lambda: identity.may_be_renamed(request),
    ]
    before = [answer() for answer in answers]
    use(rule)
    assert [answer() for answer in answers] == before
    identity.introduce(request, response)
    assert any(name.startswith("pinning-id") for name in response.cookies)


def test_a_rule_adds_names_to_ours(use):
    use(by_account)
    request = RequestFactory().get("/", {"account": "7"})
    other = RequestFactory().get("/", {"account": "7"})
    request.COOKIES["sessionid"], other.COOKIES["sessionid"] = "abc", "def"
    ours, (account,) = identity.identities_of(request, ["5"]), signing.hashed("user", "account:7")
    assert identity.names_of(request, ["5"]) == (*ours, account)
    assert identity.is_shared(request)
    assert set(identity.names_of(request)) & set(identity.names_of(other)) == {account}


def test_before_the_first_answer_it_is_asked(use):
    """The first request of a process may write before it reads."""
    use(by_account)
    response = HttpResponse()
    identity.introduce(request_of(), response)
    assert response.cookies
    use(by_tenant)
    response = HttpResponse()
    identity.introduce(request_of(), response)
    assert not response.cookies


def test_ours_in_a_longer_name_is_no_name(use):
    """It would be the same for all clients."""
    use(lambda request: [f"acme:{name}" for name in default_identity(request)])
    assert identity.names_of(request_of()) == ()
    assert not identity.has_built_in(request_of())


def test_a_rule_that_fails_does_not_add(use):
    use(lambda request: [*default_identity(request), 7])
    assert identity.names_of(request_of()) is None
    assert not identity.has_built_in(request_of())


@pytest.mark.django_db(transaction=True, databases=["default", "replica1"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_others_of_an_account_see_what_one_wrote(settings, memory, kind):
    """And so does the same client after a login, which gives it another session."""
    settings.PINNING = {**settings.PINNING, "IDENTITY": by_account}

    def write(request):
        Note.objects.create(text="new")
        response = HttpResponse()
        response.set_cookie("sessionid", "new")
        return response

    def read(request):
        return HttpResponse(Note.objects.count())

    async def aread(request):
        return HttpResponse(await Note.objects.acount())

    view = read if kind == "sync" else aread
    request = RequestFactory().post("/?account=7", headers={"Cookie": "sessionid=old"})
    PinningMiddleware(write)(request)
    for cookie in ("sessionid=old", "sessionid=new"):
        assert reasons(get(view, Cookie=cookie)) == [Reason.PINNED]
    assert reasons(get(view, {"account": "7"}, Cookie="sessionid=other")) == [Reason.PINNED]
    assert reasons(get(view, {"account": "8"}, Cookie="sessionid=other")) == [Reason.REPLICA]
