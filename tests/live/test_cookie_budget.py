"""Our cookies behind nginx and gunicorn with the limits that they come with.

One browser sends a hundred writes at once and takes their answers as they come; others have set
cookies under our names. Nothing may be refused, and what was written is seen.
"""

import string
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack

import httpx
import pytest

from tests.live.site.pair import Pair
from tests.live.site.proxy import Gunicorn, Nginx
from tests.services import service

MOST_BYTES = 1024
AT_ONCE = 100
NAMES = [f"pinning.{letter}" for letter in string.digits[:5] + string.ascii_letters[:40]]


@pytest.fixture(scope="module")
def address(session_pair: Pair) -> Iterator[str]:
    pytest.importorskip("gunicorn")
    with ExitStack() as stack:
        site = stack.enter_context(Gunicorn("wsgi", session_pair.settings()))
        nginx = stack.enter_context(service(Nginx(site.port)))
        yield f"http://{nginx.host}:{nginx.port}"


class Browser:
    """A jar, and cookies that somebody else keeps setting in it."""

    def __init__(self, address: str, junk: dict[str, str] | None = None) -> None:
        self.address = address
        self.jar: dict[str, str] = {}
        self.junk = junk or {}

    def header(self) -> str:
        """The Cookie header. Cookies of the same name are both in it; ours were set later."""
        cookies = [*self.junk.items(), *self.jar.items()]
        return "; ".join(f"{name}={value}" for name, value in cookies)

    def ours(self) -> int:
        """How many bytes of the header are ours."""
        return sum(len(f"{name}={value}; ") for name, value in self.jar.items())

    def send(self, method: str, text: str = "", header: str | None = None) -> httpx.Response:
        headers = {"Cookie": self.header() if header is None else header}
        data = {"text": text} if text else None
        return httpx.request(
            method, f"{self.address}/notes", headers=headers, data=data, timeout=60
        )

    def take(self, response: httpx.Response) -> None:
        for line in response.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            if "Max-Age=0" in rest:
                self.jar.pop(name, None)
            else:
                self.jar[name] = rest.partition(";")[0]


def set_bytes(response: httpx.Response) -> int:
    lines = response.headers.get_list("set-cookie")
    return sum(len(f"Set-Cookie: {line}\r\n") for line in lines)


def test_a_hundred_writes_at_once_are_answered_and_seen(address: str, pair: Pair) -> None:
    browser = Browser(address)
    browser.take(browser.send("POST", "before"))
    header = browser.header()
    with pair.paused(), ThreadPoolExecutor(AT_ONCE) as threads:
        sent = [threads.submit(browser.send, "POST", f"{n}", header) for n in range(AT_ONCE)]
        answers = [answer.result() for answer in as_completed(sent)]
        assert {answer.status_code for answer in answers} == {302}
        assert max(map(set_bytes, answers)) <= MOST_BYTES
        for answer in answers:
            browser.take(answer)
        seen = browser.send("GET")
    assert seen.status_code == 200
    assert len(seen.json()["notes"]) == AT_ONCE + 1
    assert browser.ours() <= MOST_BYTES
    print(f"Set-Cookie {max(map(set_bytes, answers))} bytes, Cookie {browser.ours()} bytes")


JUNK = {
    "38 of the old form": {f"pinning.{n:08x}": "x" * 8 for n in range(38)},
    "200 of the old form": {f"pinning.{n:08x}": "x" for n in range(200)},
    "all of our names": dict.fromkeys(NAMES, "x"),
    "all of our names, long": dict.fromkeys(NAMES, "x" * 128),
}


@pytest.mark.parametrize("kind", JUNK)
def test_cookies_that_others_set_refuse_nothing(address: str, pair: Pair, kind: str) -> None:
    browser = Browser(address, JUNK[kind])
    with pair.paused():
        first = browser.send("GET")
        assert (first.status_code, set_bytes(first)) == (200, 0)
        for number in range(1, 6):
            answer = browser.send("POST", f"{number}")
            assert answer.status_code == 302
            assert set_bytes(answer) <= MOST_BYTES
            browser.take(answer)
            seen = browser.send("GET")
            assert (seen.status_code, set_bytes(seen)) == (200, 0)
            assert len(seen.json()["notes"]) == number
            assert browser.ours() <= MOST_BYTES
