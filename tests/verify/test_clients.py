"""Clients on a server of this test: cookies, kept connections, and answers that do not come."""

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from http.cookiejar import CookieJar
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pinning.testing.ports import free_port
from pinning.verify.clients import Client
from pinning.verify.crowd import Crowd, Plan, SiteError
from pinning.verify.history import NO_ANSWER

CONTENTS = {
    "page": b"<html>",
    "alone": b'{"replicas": [], "has_scope": true}',
    "bare": b'{"replicas": ["replica1"], "has_scope": false}',
}

#: What comes before the server closes the connection: at once, or "-kept" for a second request.
UNFINISHED = {
    "nothing": b"",
    "reset": b"",
    "nonsense": b"what?\r\n\r\n",
    "half": b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"valu',
}


class Handler(BaseHTTPRequestHandler):
    """Answers as its path says, and notes what it got."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.server.connections += 1
        self.is_kept = False

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((self.path, headers, body))
        status, _, more = self.path.partition("?")[0].split("/")[-1].partition("-")
        was_kept, self.is_kept = self.is_kept, True
        if status == "hang":
            self.server.is_over.wait(5)
            return
        if status in UNFINISHED and (was_kept or more != "kept"):
            self.wfile.write(UNFINISHED[status])
            self.close_connection = True
            if status == "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                os.close(self.connection.detach())
            return
        status = "200" if status in UNFINISHED else status
        self.send_response(int(status))
        if more == "set":
            self.send_header("Set-Cookie", "a=1; Max-Age=60; Path=/")
            self.send_header("Set-Cookie", "b=2; Max-Age=60; Path=/; Secure")
        if more == "paths":
            self.send_header("Set-Cookie", "c=3; Path=/at/")
            self.send_header("Set-Cookie", "d=4; Path=/elsewhere/")
        if more == "remove":
            self.send_header("Set-Cookie", "a=; Max-Age=0; Path=/")
        if more == "moved":
            self.send_header("Location", "https://elsewhere/")
        if more == "near":
            self.send_header("Location", "/at/200")
        content = CONTENTS.get(more, b'{"value": 7}')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = more == "close"

    do_POST = do_GET  # noqa: N815  the standard library's name

    def log_message(self, *args):
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
    server.seen, server.connections, server.is_over = [], 0, threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.is_over.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def make(server):
    clients = []

    def make(**more):
        url = f"http://127.0.0.1:{server.server_port}/at/"
        clients.append(Client([url], {"X-Own": "yes"}, timeout_seconds=0.2, **more))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def cookies(server):
    return [headers.get("cookie") for _, headers, _ in server.seen]


def test_requests_arrive_below_the_address(server, make):
    answer = make().get("200")
    ((path, headers, _),) = server.seen
    assert (path, headers["x-own"]) == ("/at/200", "yes")
    assert (answer.status, answer.body) == (200, {"value": 7})
    assert answer.sent < answer.answered


def test_a_form_is_sent(server, make):
    make().post("200", value=7)
    ((_, headers, body),) = server.seen
    assert (body, headers["content-type"]) == ("value=7", "application/x-www-form-urlencoded")


def test_cookies_come_and_go(server, make):
    client = make()
    for path in ("200-set", "200", "200-remove", "200"):
        client.get(path)
    assert cookies(server) == [None, "a=1", "a=1", None]


def test_each_cookie_has_its_path(server, make):
    client = make()
    for path in ("200-set", "200-paths", "200"):
        client.get(path)
    assert set(cookies(server)[-1].split("; ")) == {"a=1", "c=3"}


def test_the_machines_of_a_site_get_the_same_cookies(server):
    addresses = [f"http://{host}:{server.server_port}/at" for host in ("127.0.0.1", "localhost")]
    client = Client(addresses, {}, timeout_seconds=5)
    client.get("200-set")
    for _ in range(20):
        client.get("200")
    client.close()
    assert {headers["host"].partition(":")[0] for _, headers, _ in server.seen} == {
        "127.0.0.1",
        "localhost",
    }
    assert cookies(server)[1:] == ["a=1"] * 20


def test_tabs_share_a_jar(server, make):
    jar = CookieJar()
    make(jar=jar).get("200-set")
    make(jar=jar).get("200")
    make().get("200")
    assert cookies(server) == [None, "a=1", None]


def test_a_tab_that_sends_after_an_answer_sends_its_cookies(server, make):
    """Also if it sends in the moment of the answer: times are those before and after the jar."""

    class Jar(CookieJar):
        def add_cookie_header(self, request):
            times.append(time.monotonic())
            super().add_cookie_header(request)

        def extract_cookies(self, response, request):
            super().extract_cookies(response, request)
            times.append(time.monotonic())

    times = []
    answer = make(jar=Jar()).get("200-set")
    chosen, kept = times
    assert answer.sent < chosen < kept < answer.answered


def test_one_with_a_token_keeps_no_cookies(server, make):
    client = make(token="secret")
    client.get("200-set")
    client.get("200")
    assert cookies(server) == [None, None]
    assert {headers["authorization"] for _, headers, _ in server.seen} == {"Bearer secret"}


def test_a_connection_is_kept(server, make):
    client = make()
    client.get("200")
    client.post("200", value=7)
    client.get("404")
    client.get("200")
    assert (len(server.seen), server.connections) == (4, 1)


def test_a_connection_that_was_kept_and_closed_is_made_anew(server, make):
    client = make()
    assert [client.get("200-close").status for _ in range(3)] == [200] * 3


@pytest.mark.parametrize("method", ["get", "post"])
def test_no_request_arrives_twice_where_a_kept_connection_was_closed_before(server, make, method):
    client = make()
    assert [getattr(client, method)("200-close").status for _ in range(3)] == [200] * 3
    assert (len(server.seen), server.connections) == (3, 3)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("end", ["nothing", "reset"])
def test_a_request_is_sent_again_where_a_kept_connection_is_closed_under_it(
    server, make, method, end
):
    """A write, too: it sets a value, and twice is as once. Whether it was done nobody knows."""
    client = make()
    client.get("200")
    assert getattr(client, method)(f"{end}-kept").status == 200
    assert [path for path, _, _ in server.seen] == ["/at/200", *[f"/at/{end}-kept"] * 2]


def test_what_is_sent_again_is_the_same(server, make):
    client = make()
    client.get("200-set")
    client.post("nothing-kept", value=7)
    first, second = server.seen[1:]
    assert first == second
    assert (first[1]["cookie"], first[2]) == ("a=1", "value=7")


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("end", ["nothing", "reset"])
def test_it_is_sent_again_but_once(server, make, method, end):
    client = make()
    client.get("200")
    assert getattr(client, method)(end).status == NO_ANSWER
    assert len(server.seen) == 3


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("end", ["nothing", "reset"])
def test_nothing_is_sent_again_that_went_over_a_new_connection(server, make, method, end):
    assert getattr(make(), method)(end).status == NO_ANSWER
    assert len(server.seen) == 1


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("path", ["hang", "nonsense", "half"])
def test_nothing_is_sent_again_that_had_another_end(server, make, method, path):
    client = make()
    client.get("200")
    assert getattr(client, method)(path).status == NO_ANSWER
    assert len(server.seen) == 2


def test_a_server_that_hangs_is_no_answer(make):
    answer = make().get("hang")
    assert answer.status == NO_ANSWER
    assert answer.text.startswith("TimeoutError")


def test_a_redirect_is_an_answer_and_not_followed(server, make):
    answer = make().get("302-near")
    assert (answer.status, answer.location) == (302, "/at/200")
    assert len(server.seen) == 1


def test_proxies_of_the_environment_are_not_asked(make, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert make().get("200").status == 200


def test_no_server_is_no_answer():
    client = Client([f"http://127.0.0.1:{free_port()}"], {})
    answer = client.post("begin")
    assert (answer.status, answer.body) == (NO_ANSWER, {})
    assert "Refused" in answer.text


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("400", "ALLOWED_HOSTS"),
        ("403", "SECRET_KEY"),
        ("404", 'have this? path("404/", include("pinning.verify.urls")), with include from'),
        ("500", "migrate"),
        ("418", "status 418. Do the site's urlpatterns"),
        ("200", "status 200. Do the site's urlpatterns"),
        ("200-page", "status 200. Do the site's urlpatterns"),
        ("200-alone", "no replicas: PINNING['REPLICAS'] names none"),
        ("200-bare", "no scope: put PinningMiddleware first"),
        ("301-moved", "redirects to https://elsewhere/"),
    ],
)
def test_a_site_that_cannot_be_verified_says_why(server, page, words):
    url = f"http://127.0.0.1:{server.server_port}/{page}?x"
    with pytest.raises(SiteError) as caught, Crowd([url], Plan()):
        pass
    assert words in str(caught.value)
    assert server.seen[-1][0].endswith("/end")  # what it may have made is not left behind


def test_a_site_that_is_not_there_says_so():
    with pytest.raises(SiteError, match="Nothing answers"), Crowd(["http://127.0.0.1:9"], Plan()):
        pass
