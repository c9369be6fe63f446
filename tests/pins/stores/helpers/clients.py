"""Clients in a model: each knows what it was answered, and so what it must be told from then on."""

import time
from dataclasses import dataclass

from django.http import HttpResponse

from pinning.pins.identity import Visitor
from proof.stores.races import Kept
from tests.pins.stores.contract import Browser


@dataclass(frozen=True)
class Answer:
    """A response on its way, with the pins of what the request wrote."""

    response: HttpResponse
    kept: Kept


class Client(Browser):
    """Has a cookie jar, in which cookies end, unless it throws cookies away."""

    def __init__(self, *identities: str, keeps_cookies: bool = True) -> None:
        super().__init__(*identities)
        #: What came in cookies.
        self.received: list[Kept] = []
        self._keeps_cookies = keeps_cookies
        self._ends: dict[str, float] = {}

    def signed_in(self) -> Visitor:
        """The same client, as whose user all of them are known too."""
        return Visitor(
            cookies=dict(self.jar), identities=(*self.identities, "user"), is_shared=True
        )

    def take(self, answer: Answer) -> None:
        """A response arrives."""
        if not self._keeps_cookies:
            return
        self.receive(answer.response)
        set_now = {name: m for name, m in answer.response.cookies.items() if m["max-age"]}
        self._ends.update({name: time.time() + m["max-age"] for name, m in set_now.items()})
        if set_now:
            self.received.append(answer.kept)

    def forget_old_cookies(self) -> None:
        """Time has passed."""
        self.jar = {
            name: value for name, value in self.jar.items() if self._ends[name] > time.time()
        }
