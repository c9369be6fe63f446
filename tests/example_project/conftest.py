"""The demo in a process of its own, visitors without a browser, and visitors with one."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from pinning.testing.accounts import make_temporary_directory, unprivileged_account
from pinning.testing.ports import free_port
from pinning.testing.postgres_programs import find_programs
from pinning.testing.processes import MissingService, find_program
from tests.services import give_up

ROOT = Path(__file__).parents[2]
START_SECONDS = 60


class Demo:
    """The demo in a process of its own."""

    def __init__(self, directory: Path, port: int, **environment: str) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}/"
        options = ["--port", str(port), "--directory", str(directory)]
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "example_project.demo", *options],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_until_ready(self) -> None:
        """It takes the port first, and keeps who asks waiting until it can answer."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                httpx.get(self.url, timeout=START_SECONDS).raise_for_status()
            except httpx.ConnectError:
                time.sleep(0.05)
            else:
                return
        pytest.fail(f"The demo did not start: {self.end()}")

    def wait_until_there_is(self, directory: Path, pattern: str) -> None:
        """Wait for a file that a step of the start makes."""
        until = time.monotonic() + START_SECONDS
        while not list(directory.glob(pattern)):
            assert time.monotonic() < until
            time.sleep(0.005)

    def end(self, with_signal: int = signal.SIGINT) -> str:
        """Send a signal, and return what the demo had to say once it has ended."""
        self.process.send_signal(with_signal)
        return self.process.communicate(timeout=30)[0]


class Row(NamedTuple):
    """A line of the panel's list of queries."""

    query: str
    database: str
    words: str


class Visitor:
    """Somebody with cookies of their own, and no browser."""

    def __init__(self, demo: Demo) -> None:
        self._url = demo.url
        self.cookies = httpx.Cookies()
        self.look()

    def look(self, path: str = "") -> httpx.Response:
        return self._ask("GET", path)

    def post(self, text: str, token: str = "") -> httpx.Response:
        return self._submit("", text=text, token=token or self.token)

    def submit(self, path: str, **fields: Any) -> httpx.Response:
        """Send the form of another page, or a control."""
        return self._submit(path, **fields)

    def set(self, **controls: Any) -> httpx.Response:
        return self._submit("controls/", **controls)

    def wait_until(self, question: Callable[["Visitor"], bool], seconds: float = 20) -> None:
        """Look until the answer is yes."""
        until = time.monotonic() + seconds
        while not question(self):
            assert time.monotonic() < until, self.verdict
            time.sleep(0.1)
            self.look()

    def wait_until_fresh(self) -> None:
        """Until the replica has all, and then look once more.

        A page first reads its notes and then asks the replica what it has, so the first page that
        says so may have been read from the primary still.
        """
        self.wait_until(lambda visitor: "The replica has all" in visitor.verdict)
        self.look()

    def _submit(self, path: str, **fields: Any) -> httpx.Response:
        csrf = self.cookies["board_csrftoken"]
        return self._ask("POST", path, csrfmiddlewaretoken=csrf, **fields)

    def _ask(self, method: str, path: str, **fields: Any) -> httpx.Response:
        with httpx.Client(cookies=self.cookies, follow_redirects=True, timeout=40) as client:
            response = client.request(method, self._url + path, data=fields)
            self.cookies = client.cookies
        error = re.search(r'class="exception_value">(.*?)</pre>', response.text, re.DOTALL)
        assert error is None, unescape(error[1])  # Django's page about an error
        if "</html>" in response.text:
            self.page = response.text
        return response

    @property
    def token(self) -> str:
        return re.search(r'name="token" value="([\w-]+)"', self.page)[1]

    @property
    def notes(self) -> list[str]:
        return [unescape(text) for text in re.findall(r'<li data-note="(.*?)">', self.page)]

    def number_of(self, text: str) -> int:
        return int(re.search(rf'data-note="{text}".*?id="like-(\d+)"', self.page, re.DOTALL)[1])

    @property
    def verdict(self) -> str:
        text = re.search(r'role="status">(.*?)</p>', self.page, re.DOTALL)[1]
        return " ".join(unescape(text).split())

    @property
    def rows(self) -> list[Row]:
        """Of the panel, the latest query first."""
        rows = re.findall(
            r'<code>(\w+ [\w.]+)</code>.*?<strong class="\w+">(.*?)</strong>.*?'
            r'<p class="why">(.*?)</p>',
            self.page,
            re.DOTALL,
        )
        return [Row(*map(unescape, row)) for row in rows]

    @property
    def panel(self) -> str:
        """What the panel says, without its list of queries."""
        found = re.search(r'<aside id="panel".*?(?=<ol)', self.page, re.DOTALL)
        assert found is not None
        return " ".join(unescape(re.sub(r"<.*?>", "", found[0], flags=re.DOTALL)).split())


@contextmanager
def running_demo(directory: Path, **environment: str) -> Iterator[Demo]:
    demo = Demo(directory, free_port(), **environment)
    try:
        demo.wait_until_ready()
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.end()


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """A folder that PostgreSQL's account can reach; pytest's own is private to root."""
    directory = make_temporary_directory(unprivileged_account(), prefix="pinning demo ")
    try:
        find_programs(unprivileged_account(), directory / "programs")
    except MissingService as missing:
        shutil.rmtree(directory)
        give_up(str(missing))
    yield directory / "data"
    shutil.rmtree(directory)


@pytest.fixture
def redis_server() -> None:
    """For tests of a demo that found one."""
    try:
        find_program("redis-server", "valkey-server")
    except MissingService as missing:
        give_up(str(missing))


@pytest.fixture(scope="module")
def demo(directory: Path) -> Iterator[Demo]:
    with running_demo(directory) as demo:
        yield demo


@pytest.fixture
def visitor(demo: Demo) -> Visitor:
    """Somebody who comes while the replica has everything, replays 2 s late, and serves reads."""
    visitor = Visitor(demo)
    visitor.set(action="restart")
    visitor.set(action="resume")
    visitor.set(mode="position", wait="0.0", store="cookie", lag="0")
    visitor.wait_until(lambda visitor: "has all that the primary has" in visitor.verdict)
    visitor.wait_until(lambda visitor: "read from replica1" in visitor.verdict)
    visitor.set(lag="2")
    return visitor
