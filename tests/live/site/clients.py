"""The site in a process of its own, and clients that visit it."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from pinning.testing import site
from pinning.testing.processes import wait_until


class Site(site.Site):
    """The site; ``given`` is what ``Pair.settings`` makes."""

    def __init__(self, kind: str, given: dict[str, Any]) -> None:
        super().__init__("tests.live.site.settings", given, kind=kind)
        self._clients: list[Client] = []

    def client(self, cookies: Any = None, *, follows: bool = True) -> "Client":
        """A new visitor, with a cookie jar."""
        client = Client(base_url=self.url, follow_redirects=follows, timeout=20, cookies=cookies)
        self._clients.append(client)
        return client

    def close_clients(self) -> None:
        while self._clients:
            self._clients.pop().close()


class Client(httpx.Client):
    """A browser, as far as cookies and redirects go."""

    def notes(self, path: str = "/notes") -> list[str]:
        response = self.get(path)
        assert response.status_code == 200, response.text
        notes: list[str] = response.json()["notes"]
        return notes

    def ordered(self, path: str, write: str = "", **params: Any) -> dict[str, Any]:
        """What the task that ``path`` orders reports, after a write of ``write`` if any."""
        if write:
            response = self.post(path, data={"text": write}, params=params)
        else:
            response = self.get(path, params=params)
        assert response.status_code == 200, response.text
        result: dict[str, Any] = self.get(f"/result/{response.json()['id']}").json()
        return result

    def write(self, text: str, path: str = "/notes") -> httpx.Response:
        return self.post(path, data={"text": text})


def reads(response: httpx.Response) -> list[tuple[str, str, str]]:
    """Model, alias and reason of each of the router's answers."""
    return [tuple(read) for read in json.loads(response.headers["X-Reads"])]


def last_read(response: httpx.Response) -> tuple[str, str]:
    """Alias and reason of the last one."""
    return reads(response)[-1][1:]


def soon(holds: Callable[[], bool]) -> bool:
    """Wait until it holds. A replica that was far behind is believed to be so for up to 3 s."""
    wait_until(holds, timeout_seconds=10, otherwise=lambda: "It does not hold within 10 s.")
    return True
