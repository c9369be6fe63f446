"""How a run begins and ends, and where it may be."""

from urllib.parse import parse_qs, urlsplit

import pytest

from pinning.verify.clients import Answer, Client
from pinning.verify.crowd import Crowd, Plan, SiteError
from pinning.verify.passes import Pass
from pinning.verify.users import KINDS, Browser, TwoDevices
from pinning.verify.ways import READ, WAYS, Way

SITE = {
    "replicas": ["replica1"],
    "has_scope": True,
    "has_server_side": True,
    "has_rule": False,
    "no_accounts": "",
}


@pytest.fixture
def posted(monkeypatch):
    """The paths that were posted to, on a site that says yes to all."""
    paths = []

    def post(client, path, **fields):
        paths.append(path)
        return Answer(200, 0.0, 1.0, SITE)

    monkeypatch.setattr(Client, "post", post)
    return paths


def test_a_run_that_is_interrupted_as_it_begins_leaves_nothing(posted, monkeypatch):
    sign_in = TwoDevices.begin

    def interrupted(user):
        sign_in(user)
        raise KeyboardInterrupt

    monkeypatch.setattr(TwoDevices, "begin", interrupted)
    plan = Plan(users=2, kinds=(TwoDevices,))
    with pytest.raises(KeyboardInterrupt), Crowd(["http://127.0.0.1:9"], plan):
        pass
    assert posted == ["begin", *["0/login"] * 2, *["0/logout"] * 2, "end"]


def test_a_run_that_is_interrupted_as_it_goes_on_leaves_nothing(posted):
    def interrupted(share):
        raise KeyboardInterrupt

    plan = Plan(users=1, requests=1, kinds=(TwoDevices,))
    with pytest.raises(KeyboardInterrupt), Crowd(["http://localhost:9"], plan) as crowd:
        crowd.run(interrupted)
    assert posted[0] == "begin"
    assert posted[-1] == "end"


@pytest.mark.parametrize(
    "address",
    [
        "http://www.example.com/verify/",
        "http://10.0.0.1:8000",
        "http://localhost.example.com",
        "http://127.0.0.1@www.example.com/",
        "http://web/",
        "www.example.com",
    ],
)
def test_nobody_can_read_the_pass_on_its_way(posted, address):
    with pytest.raises(SiteError, match="has to begin with https://"):
        Crowd(["https://www.example.com", address], Plan())
    assert posted == []


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://WWW.Example.com:8443/verify/", "www.example.com"),
        ("https://www.example.com./", "www.example.com"),
        ("https://[2001:db8::1]/", "[2001:db8::1]"),
        ("http://localhost:8000/verify", "localhost"),
        ("http://127.0.0.2", "127.0.0.2"),
        ("http://[::1]:8000", "[::1]"),
    ],
)
def test_a_pass_is_for_the_host_of_the_address(address, host):
    crowd = Crowd([address], Plan(users=3, seconds=10, margin_seconds=5))
    signed = Pass.read(crowd._pass.sign())
    assert signed == Pass(crowd.run_name, 3, (host,), 15)


@pytest.mark.parametrize("has_server_side", [True, False])
def test_nobody_tries_a_way_that_the_site_does_not_promise_them(
    posted, monkeypatch, has_server_side
):
    monkeypatch.setitem(SITE, "has_server_side", has_server_side)
    ways = (
        *WAYS,
        Way(name="on a server", needs_server_side=True),
        Way(name="by name", needs_server_side=True, needs_name=True),
    )
    with Crowd(["http://127.0.0.1:9"], Plan(users=4, ways=ways)) as crowd:
        tried = {type(user): {way.name for way in user.ways} for user in crowd._users}
    assert {kind for kind in KINDS if kind in tried and "by name" in tried[kind]} == (
        {kind for kind in KINDS if kind.has_name} if has_server_side else set()
    )
    assert {"on a server" in names for names in tried.values()} == {has_server_side}
    assert all("read" in names for names in tried.values())


def test_every_third_user_of_a_kind_takes_a_rare_way(posted):
    ways = (READ, Way(name="rare", is_rare=True))
    plan = Plan(users=8, kinds=(Browser, TwoDevices), ways=ways)
    with Crowd(["http://127.0.0.1:9"], plan) as crowd:
        takers = [len(user.ways) == 2 for user in crowd._users]
    assert takers == [True, True, False, False, False, False, True, True]


@pytest.fixture
def visited(posted, monkeypatch):
    """A crowd of that seed on a site that does as it is told; what each client did, in order."""

    def answer(client, path, **fields):
        asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        new = int(asked.get("new", 0))
        body = ({"wrote": new} if new else {"value": 0}) if asked else SITE
        return Answer(200, 0.0, 1.0, body)

    monkeypatch.setattr(Client, "get", answer)
    monkeypatch.setattr(Client, "post", answer)

    def visited(seed):
        plan = Plan(users=4, requests=400, pause_seconds=0.0001, seed=seed)
        with Crowd(["http://127.0.0.1:9", "http://127.0.0.1:8"], plan) as crowd:
            addresses = [
                [hand._client._chance.random() for hand in user.hands] for user in crowd._users
            ]
            crowd.run()
            history = list(crowd.history)  # before they sign out
        done = {}
        for each in history:
            done.setdefault(each.client, []).append((each.kind, each.way))
        return done, addresses

    return visited


def test_the_same_seed_gives_the_same_choices(visited):
    """How far each client comes depends on the others; what it does does not."""
    (one, addresses), (other, same) = visited(7), visited(7)
    assert one.keys() == other.keys()
    for client, done in one.items():
        together = min(len(done), len(other[client]))
        assert together > 10
        assert done[:together] == other[client][:together]
    assert addresses == same


def test_another_seed_gives_other_choices(visited):
    (one, addresses), (other, others) = visited(7), visited(8)
    assert all(done[:10] != other[client][:10] for client, done in one.items())
    assert addresses != others
