"""HTTP clients: a browser's cookies, or a token and none."""

import functools
import json
import random
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode

from pinning.verify.history import NO_ANSWER

try:
    import httpx
except ImportError:  # it is an extra
    httpx = None  # type: ignore[assignment]

_HEADERS = {"User-Agent": "pinning-verify", "Accept-Encoding": "identity"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}

#: What the system trusts, read once.
_trust = functools.cache(ssl.create_default_context)


def is_installed() -> bool:
    """Whether httpx is installed, which clients need."""
    return httpx is not None


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
        chance: random.Random | None = None,
        timeout_seconds: float = 20.0,
    ) -> None:
        """Connect to nothing yet. ``chance`` decides which address a request takes."""
        self._chance = chance or random.Random()  # noqa: S311
        self._addresses = [address.rstrip("/") for address in addresses]
        self._headers = {**_HEADERS, **headers}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._cookies = None if token else httpx.Cookies(jar)
        self._timeout = httpx.Timeout(timeout_seconds).as_dict()
        # No httpx.Client: it reads the jar without the jar's lock while another tab changes it, and
        # keeps the machines' cookies apart. It also asks the environment for proxies.
        self._transport = httpx.HTTPTransport(
            verify=_trust(), limits=httpx.Limits(keepalive_expiry=None)
        )

    def get(self, path: str) -> Answer:
        """Fetch ``path``, below any one of the addresses."""
        return self._request("GET", path, None)

    def post(self, path: str, **fields: object) -> Answer:
        """Send a form to ``path``."""
        return self._request("POST", path, urlencode(fields))

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def _request(self, method: str, path: str, form: str | None) -> Answer:
        """Send and wait. Whatever keeps an answer from coming is an answer with no status.

        The cookies are chosen after ``sent``, and those that come are there before ``answered``:
        another tab with the same jar may send in between.
        """
        sent = time.monotonic()
        try:
            response = self._exchange(method, path, form)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            cause = _cause(error) or error
            return Answer(NO_ANSWER, sent, time.monotonic(), text=f"{type(cause).__name__} {cause}")
        return _answer(response, sent, time.monotonic())

    def _exchange(self, method: str, path: str, form: str | None) -> "httpx.Response":
        """Ask any one of the addresses; the cookies are the first one's, whichever answers."""
        site = httpx.Request("GET", f"{self._addresses[0]}/{path}", headers=self._headers)
        if self._cookies is not None:
            self._cookies.set_cookie_header(site)
        machine = httpx.URL(self._chance.choice(self._addresses))
        del site.headers["Host"]
        request = httpx.Request(
            method,
            machine.copy_with(raw_path=site.url.raw_path),
            headers={**site.headers, **(_FORM if form is not None else {})},
            content=form,
            extensions={"timeout": self._timeout},
        )
        response = self._send(request)
        response.request = site
        if self._cookies is not None and "Set-Cookie" in response.headers:
            self._cookies.extract_cookies(response)
        return response

    def _send(self, request: "httpx.Request") -> "httpx.Response":
        """On the connection that is kept, or on a new one where that has been closed meanwhile.

        A server may close a kept connection whenever it likes; browsers then send a request again.
        Here a write is sent again as well: the views set a value, and twice is as once.
        """
        events: list[str] = []
        request.extensions["trace"] = lambda event, _: events.append(event)
        try:
            return self._receive(request)
        except httpx.TransportError as error:
            if "connection.connect_tcp.started" in events or not _is_closed(error):
                raise
        return self._receive(request)

    def _receive(self, request: "httpx.Request") -> "httpx.Response":
        response = self._transport.handle_request(request)
        response.read()
        return response


def _is_closed(error: Exception) -> bool:
    """Whether the connection was closed without an answer, or reset."""
    cause = _cause(error)
    if isinstance(error, httpx.RemoteProtocolError):
        return cause is None  # else something came, and the cause says what is wrong with it
    return isinstance(cause, ConnectionResetError | BrokenPipeError)


def _cause(error: Exception) -> Exception | None:
    """The error, of the system's for example, that httpx's stands for.

    It is the argument of httpcore's error, which is the ``__cause__`` of httpx's. The ``__cause__``
    of httpcore's error is empty: it is raised from None.
    """
    made_of = error.__cause__.args[:1] if error.__cause__ else ()
    return next((inner for inner in made_of if isinstance(inner, Exception)), None)


def _answer(response: "httpx.Response", sent: float, answered: float) -> Answer:
    try:
        body = json.loads(response.content)
    except ValueError:
        body = None
    return Answer(
        response.status_code,
        sent,
        answered,
        body if isinstance(body, dict) else {},
        "" if isinstance(body, dict) else response.content[:200].decode(errors="replace"),
        response.headers.get("Location", ""),
    )
