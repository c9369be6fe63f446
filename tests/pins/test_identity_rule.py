"""IDENTITY: a rule in place of ours, and what happens when it fails."""

import functools

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import RequestFactory

from pinning.pins import identity, identity_rule, signing


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
