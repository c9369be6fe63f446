"""HTTP clients of the standard library: a browser's cookies, or a token and none."""

import contextlib
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    RemoteDisconnected,
)
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit
from urllib.request import Request

from pinning.verify.history import NO_ANSWER

_AGENT = "pinning-verify"

#: A server may close a kept connection whenever it likes; browsers then send a request again.
_CLOSED = (RemoteDisconnected, ConnectionResetError, BrokenPipeError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and when. ``body`` is empty unless the views made it."""

    status: int
    sent: float
    answered: float
    body: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    location: str = ""


class Client:
    """One client of a site that may have several addresses; one request at a time.

    With a ``token`` it keeps no cookies, else they are in ``jar``, which tabs of a browser share.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        headers: dict[str, str],
        *,
        token: str = "",
        jar: CookieJar | None = None,
        timeout_seconds: float = 20.0,
    ) -> None:
        """Connect to nothing yet."""
        self._addresses = [urlsplit(address.rstrip("/")) for address in addresses]
        self._headers = {"User-Agent": _AGENT, **headers}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._jar = None if token else (CookieJar() if jar is None else jar)
        self._timeout_seconds = timeout_seconds
        self._connections: dict[SplitResult, HTTPConnection] = {}

    def get(self, path: str) -> Answer:
        """Fetch ``path``, below any one of the addresses."""
        return self._request("GET", path, None)

    def post(self, path: str, **fields: object) -> Answer:
        """Send a form to ``path``."""
        return self._request("POST", path, urlencode(fields))

    def close(self) -> None:
        """Close all connections."""
        while self._connections:
            self._connections.popitem()[1].close()

    def _request(self, method: str, path: str, form: str | None) -> Answer:
        """Send and wait. Whatever keeps an answer from coming is an answer with no status.

        The cookies are chosen after ``sent``, and those that come are there before ``answered``:
        another tab with the same jar may send in between.
        """
        address = random.choice(self._addresses)  # noqa: S311
        whose = self._addresses[0].geturl()  # the cookies of one site, whichever machine answers
        question = Request(f"{whose}/{path}", method=method, headers=self._headers)  # noqa: S310
        if form is not None:
            question.add_header("Content-Type", "application/x-www-form-urlencoded")
        sent = time.monotonic()
        if self._jar is not None:
            self._jar.add_cookie_header(question)
        try:
            response, content = self._exchange(address, question, form)
        except (OSError, HTTPException) as error:
            return Answer(NO_ANSWER, sent, time.monotonic(), text=f"{type(error).__name__} {error}")
        if self._jar is not None and "Set-Cookie" in response.headers:
            self._jar.extract_cookies(response, question)
        return _answer(response, content, sent, time.monotonic())

    def _exchange(
        self, address: SplitResult, question: Request, form: str | None
    ) -> tuple[HTTPResponse, bytes]:
        """On the connection that is kept, or on a new one where that has been closed meanwhile."""
        kept = self._connections.get(address)
        if kept is not None and kept.sock is not None:
            with contextlib.suppress(*_CLOSED):
                return self._on(kept, question, form)
            kept.close()
        self._connections[address] = self._connect(address)
        return self._on(self._connections[address], question, form)

    def _on(
        self, connection: HTTPConnection, question: Request, form: str | None
    ) -> tuple[HTTPResponse, bytes]:
        try:
            headers = dict(question.header_items())
            connection.request(question.get_method(), question.selector, form, headers)
            response = connection.getresponse()
            return response, response.read()
        except BaseException:
            connection.close()
            raise

    def _connect(self, address: SplitResult) -> HTTPConnection:
        kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
        return kind(address.netloc, timeout=self._timeout_seconds)


def _answer(response: HTTPResponse, content: bytes, sent: float, answered: float) -> Answer:
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    return Answer(
        response.status,
        sent,
        answered,
        body if isinstance(body, dict) else {},
        "" if isinstance(body, dict) else content[:200].decode(errors="replace"),
        response.headers.get("Location", ""),
    )
