"""Users with two devices, clients with tokens, and websockets, on a replica that has stopped."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import redis as redis_py
from websockets.sync.client import connect

from pinning import Reason
from pinning.testing.redis import Redis
from tests.live.site.clients import Client, Site, last_read, reads, soon
from tests.live.site.pair import Pair
from tests.services import service

APPS = ["rest_framework", "rest_framework.authtoken"]

#: Users by name, with ids and tokens that can be searched for.
IDS = {"marta": 730194652, "nils": 730194653}
TOKENS = {"marta": "a3f09c77d1e24b58", "nils": "b8821c6dd0f94e13"}

CREATE = f"""
from django.contrib.auth.models import User
from rest_framework.authtoken.models import Token
for name, pk in {IDS}.items():
    user = User.objects.create_user(name, password="secret", pk=pk)
    Token.objects.create(user=user, key={TOKENS}[name])
"""


@pytest.fixture(scope="module")
def servers(session_pair: Pair) -> Iterator[dict[str, Any]]:
    """A Redis of their own, and a site of each kind."""
    with ExitStack() as stack:
        redis = stack.enter_context(service(Redis()))
        redis.grow_old()
        settings = session_pair.settings(
            urls="api_urls", stores=["redis"], redis=redis.url, apps=APPS
        )
        channels = {**settings, "asgi": "sockets.application"}
        sites = {"wsgi": Site("wsgi", settings), "channels": Site("asgi", channels)}
        stack.callback(sites["wsgi"].close)
        sites["wsgi"].manage("migrate", "authtoken", "-v", "0")
        sites["wsgi"].manage("shell", "-v", "0", "-c", CREATE)
        for site in sites.values():
            stack.enter_context(site)
        yield {"redis": redis, **sites}
        session_pair.execute("DROP TABLE authtoken_token")
        session_pair.execute(f"DELETE FROM auth_user WHERE id IN {tuple(IDS.values())}")
        session_pair.execute("DELETE FROM django_migrations WHERE app = 'authtoken'")


@pytest.fixture(params=["wsgi", "channels"])
def site(request: pytest.FixtureRequest, pair: Pair, servers: dict[str, Any]) -> Iterator[Site]:
    yield servers[request.param]
    servers[request.param].close_clients()


@pytest.fixture
def sockets(pair: Pair, servers: dict[str, Any]) -> Iterator[Site]:
    yield servers["channels"]
    servers["channels"].close_clients()


def signed_in(site: Site, name: str) -> Client:
    client = site.client()
    assert client.post("/sign-in-as", data={"name": name}).status_code == 200
    return client


def with_token(site: Site, name: str, header: str = "Authorization", scheme: str = "") -> Client:
    """A client that keeps no cookies."""
    client = site.client()
    client.headers[header] = f"{scheme}{TOKENS[name]}"
    client.event_hooks["request"] = [lambda request: request.headers.pop("Cookie", None)]
    return client


def is_on_replica(response: Any) -> bool:
    return {alias for _, alias, _ in reads(response)} == {"replica1"}


def caught_up(pair: Pair) -> None:
    """What was written to prepare is everywhere; what follows is not."""
    pair.replica.wait_until_caught_up()
    pair.replica.pause_replay()


WITH_TOKENS = [
    pytest.param("/notes", "Authorization", "Token ", id="plain view"),
    pytest.param("/rest/notes", "Authorization", "Token ", id="rest view"),
    pytest.param("/rest/set/", "Authorization", "Token ", id="rest viewset"),
    pytest.param("/ninja/notes", "Authorization", "Bearer ", id="ninja bearer"),
    pytest.param("/ninja/async/notes", "Authorization", "Bearer ", id="ninja async bearer"),
    pytest.param("/ninja/key/notes", "X-API-Key", "", id="ninja key"),
]


@pytest.mark.parametrize(("path", "header", "scheme"), WITH_TOKENS)
def test_a_client_with_a_token_and_no_cookies_reads_its_writes(
    site: Site, pair: Pair, path: str, header: str, scheme: str
):
    writer = with_token(site, "marta", header, scheme)
    other = with_token(site, "nils", header, scheme)
    caught_up(pair)
    assert writer.write("new", path).is_success
    response = writer.get(path)
    assert response.json() == {"notes": ["new"]}
    assert last_read(response) == ("default", Reason.PINNED)
    assert other.notes(path) == []
    assert is_on_replica(other.get(path))
    pair.replica.resume_replay()
    pair.replica.wait_until_caught_up()
    assert soon(lambda: is_on_replica(writer.get(path)))


@pytest.mark.parametrize("path", ["/mine", "/mine/async"])
def test_what_a_user_writes_on_the_phone_is_seen_on_the_laptop(site: Site, pair: Pair, path: str):
    phone, laptop, other = (signed_in(site, name) for name in ("marta", "marta", "nils"))
    caught_up(pair)
    phone.write("new", path)
    response = laptop.get(path)
    assert response.json() == {"notes": ["new"]}
    assert reads(response) == [
        ("sessions.Session", "replica1", Reason.CAUGHT_UP),
        ("auth.User", "replica1", Reason.CAUGHT_UP),
        ("notes.Note", "default", Reason.PINNED),
    ]
    assert other.notes(path) == []
    assert is_on_replica(other.get(path))
    pair.replica.resume_replay()
    pair.replica.wait_until_caught_up()
    assert soon(lambda: is_on_replica(laptop.get(path)))


def test_what_is_written_by_a_view_that_asks_for_no_user_is_seen_on_the_laptop(
    site: Site, pair: Pair
):
    phone, laptop, other = (signed_in(site, name) for name in ("marta", "marta", "nils"))
    for method, path in [("POST", "/notes/raw"), ("GET", "/notes/by-get?text=new")]:
        pair.replica.resume_replay()
        pair.execute("DELETE FROM notes_note")
        caught_up(pair)
        assert phone.request(method, path, data={"text": "new"}).is_success
        assert laptop.notes("/mine") == ["new"]
        assert other.notes("/mine") == []


@pytest.mark.parametrize(("path", "header", "scheme"), WITH_TOKENS[1:])
def test_what_an_app_writes_with_a_token_is_seen_in_the_browser_and_back(
    site: Site, pair: Pair, path: str, header: str, scheme: str
):
    browser, app = signed_in(site, "marta"), with_token(site, "marta", header, scheme)
    caught_up(pair)
    app.write("app", path)
    assert browser.notes("/mine") == ["app"]
    pair.replica.resume_replay()
    caught_up(pair)
    browser.write("web", "/mine")
    response = app.get(path)
    assert response.json() == {"notes": ["app", "web"]}
    assert reads(response)[0][1] == "replica1"  # the token, before anybody knew whose it is


def test_nobody_resolves_the_user_but_the_view(site: Site, pair: Pair):
    browser = signed_in(site, "marta")
    assert {model for model, *_ in reads(browser.get("/notes"))} == {"notes.Note"}
    assert {model for model, *_ in reads(browser.write("new", "/notes"))} == {"notes.Note"}
    models = [model for model, *_ in reads(browser.get("/mine"))]
    assert models == ["sessions.Session", "auth.User", "notes.Note"]


def test_a_login_and_a_logout_are_seen_on_the_other_device(site: Site, pair: Pair):
    laptop = signed_in(site, "marta")
    caught_up(pair)
    phone = signed_in(site, "marta")
    assert last_read(laptop.get("/mine")) == ("default", Reason.PINNED)
    pair.replica.resume_replay()
    caught_up(pair)
    assert soon(lambda: is_on_replica(laptop.get("/mine")))
    phone.post("/sign-out")
    assert last_read(laptop.get("/mine")) == ("default", Reason.PINNED)


def test_what_a_request_writes_that_ends_its_session_is_seen_on_the_laptop(site: Site, pair: Pair):
    phone, laptop = signed_in(site, "marta"), signed_in(site, "marta")
    caught_up(pair)
    phone.post("/leave", data={"text": "new"})
    response = laptop.get("/mine")
    assert response.json() == {"notes": ["new"]}
    assert last_read(response) == ("default", Reason.PINNED)


def test_a_session_that_a_new_password_ends_lives_on_while_the_replica_lags(site: Site, pair: Pair):
    """The user's row is read before anybody knows whose pins to look for."""
    phone, laptop = signed_in(site, "marta"), signed_in(site, "marta")
    caught_up(pair)
    assert phone.post("/new-password").status_code == 200
    assert phone.get("/mine").status_code == 200
    assert laptop.get("/mine").status_code == 200
    again = signed_in(site, "marta")
    assert again.get("/mine").status_code == 200
    pair.replica.resume_replay()
    pair.replica.wait_until_caught_up()
    assert laptop.get("/mine").url.path == "/accounts/login/"
    assert phone.get("/mine").status_code == again.get("/mine").status_code == 200


Ask = Callable[..., tuple[list[str], list[str]]]


@contextmanager
def socket(site: Site, path: str, client: Client | None = None, **headers: str) -> Iterator[Ask]:
    """A websocket; call it to send a message and have the answer."""
    if client is not None:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    url = f"ws://{site.host}:{site.port}/{path}"
    with connect(url, additional_headers=headers) as connection:

        def ask(who: str = "connection", **message: str) -> tuple[list[str], list[str]]:
            connection.send(json.dumps({"as": who, **message}))
            answer = json.loads(connection.recv(timeout=20))
            return answer["notes"], answer["read"]

        yield ask


@pytest.mark.parametrize("who", ["connection", "user"])
@pytest.mark.parametrize("path", ["async", "plain", "sync"])
def test_a_websocket_reads_what_its_user_wrote_elsewhere_and_is_read_there(
    sockets: Site, pair: Pair, path: str, who: str
):
    phone, laptop, other = (signed_in(sockets, name) for name in ("marta", "marta", "nils"))
    caught_up(pair)
    with socket(sockets, path, laptop) as mine, socket(sockets, path, other) as others:
        assert mine(who) == ([], ["replica1", Reason.CAUGHT_UP])
        phone.write("http", "/mine")
        assert mine(who) == (["http"], ["default", Reason.PINNED])
        assert others(who)[1][0] == "replica1"
        pair.replica.resume_replay()
        caught_up(pair)
        assert soon(lambda: mine(who) == (["http"], ["replica1", Reason.CAUGHT_UP]))
        assert mine(who, text="socket")[0] == ["http", "socket"]
        assert mine(who) == (["http", "socket"], ["default", Reason.PINNED])
        assert phone.notes("/mine") == ["http", "socket"]
        assert other.notes("/mine") == ["http"]
        assert others("nobody")[1] == ["replica1", Reason.REPLICA]


def test_a_websocket_with_a_token_reads_what_the_token_wrote(sockets: Site, pair: Pair):
    app = with_token(sockets, "marta", scheme="Token ")
    caught_up(pair)
    app.write("new", "/notes")
    header = {"Authorization": f"Token {TOKENS['marta']}"}
    with socket(sockets, "async", **header) as ask:
        assert ask() == (["new"], ["default", Reason.PINNED])


@pytest.mark.parametrize("who", ["connection", "user", "nobody"])
def test_a_websocket_without_an_identity_has_a_scope_without_one(
    sockets: Site, pair: Pair, who: str
):
    caught_up(pair)
    with socket(sockets, "async") as ask:
        assert ask(who) == ([], ["replica1", Reason.REPLICA])
        assert ask(who, text="new") == (["new"], ["default", Reason.WRITTEN])
        assert ask(who) == ([], ["replica1", Reason.REPLICA])


def test_nobody_can_be_read_from_redis_or_the_log(site: Site, pair: Pair, servers: dict[str, Any]):
    redis: Redis = servers["redis"]
    browser = signed_in(site, "marta")
    app = with_token(site, "marta", scheme="Token ")
    browser.write("new", "/mine")
    app.write("new", "/rest/notes")
    secrets = ["marta", str(IDS["marta"]), TOKENS["marta"], browser.cookies["sessionid"]]
    secrets += [
        value[:16]  # the name; its time and signature follow
        for name, value in browser.cookies.items()
        if name.startswith("pinning-id.")
    ]
    assert len(secrets) == 5
    with redis_py.Redis.from_url(redis.url) as client:
        keys = [key for key in client.scan_iter() if client.type(key) == b"hash"]
        stored = b"".join(key + repr(client.hgetall(key)).encode() for key in keys).decode()
    assert len(keys) >= 4  # two sessions, the user and the token
    redis.freeze()
    try:
        assert last_read(browser.get("/mine")) == ("default", Reason.STORES_DOWN)
        app.write("new", "/rest/notes")
    finally:
        redis.thaw()
    assert "store is left alone" in site.log()
    for secret in secrets:
        assert secret not in stored
        assert secret not in site.log()
