"""Simulated users: what each has for clients, and what a client does next."""

import itertools
import random
import secrets
from collections.abc import Callable, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, ClassVar
from urllib.parse import urlencode

from pinning.verify.clients import Answer, Client
from pinning.verify.history import NO_ANSWER, Kind, Operation
from pinning.verify.ways import WAYS, Way

#: Makes a client: ``make(token=..., jar=...)``.
MakeClient = Callable[..., Client]

Record = Callable[[Operation], None]


class User:
    """Somebody who writes larger and larger values, and reads what is there, on some clients."""

    title: ClassVar[str]
    #: What the site needs for them: pins on a server, and accounts that can sign in.
    needs_server_side: ClassVar[bool] = False
    needs_accounts: ClassVar[bool] = False
    #: Whether a store on a server knows them by each of their requests, also by the first.
    has_name: ClassVar[bool] = False
    #: Which part of their requests sign in or out, where they can.
    logins: ClassVar[float] = 0.0

    def __init__(self, number: int, make: MakeClient, record: Record) -> None:
        """Take the ``number``-th session of the run."""
        self.name = f"{self.title} {number}"
        self.may_sign_in = False
        #: How they write and read.
        self.ways: Sequence[Way] = WAYS
        self._path = f"{number}"
        self._record = record
        self._values = itertools.count(1)  # whose next() is one step for all threads
        self.hands = [
            Hand(self, client, make(jar=_no_cookies()), place)
            for client, place in self._clients(make)
        ]

    def _clients(self, make: MakeClient) -> Sequence[tuple[Client, str]]:
        """The clients, and where each is."""
        return [(make(), "")]

    def begin(self) -> None:
        """Do what comes before all else, one client after the other."""

    def end(self) -> None:
        """Leave nothing open."""
        for hand in self.hands:
            if hand.is_signed_in:
                hand.sign_out()
            hand.close()

    def next_value(self) -> int:
        """Larger than all before."""
        return next(self._values)


class Hand:
    """One client of a user, in a thread of its own."""

    def __init__(self, user: User, client: Client, stranger: Client, place: str) -> None:
        """Hold ``client``, and one that nobody knows again."""
        self.is_signed_in = False
        self._user = user
        self._client = client
        self._stranger = stranger
        self._name = f"{user.name} {place}".strip()

    def step(self, chance: random.Random) -> None:
        """Write or read in one of the ways, or sign in or out."""
        if self._user.needs_accounts and not self.is_signed_in:
            self.sign_in()  # as a stranger it would be another session
        elif self._user.may_sign_in and chance.random() < self._user.logins:
            self.sign_out() if self.is_signed_in else self.sign_in()
        else:
            weights = [way.weight for way in self._user.ways]
            self.go(*chance.choices(self._user.ways, weights))

    def go(self, way: Way) -> None:
        """Write or read in that way."""
        new = self._user.next_value() if way.is_write else 0
        query: dict[str, object] = {"way": way.name, "new": new, "client": self._name}
        if way.asks_user and self.is_signed_in:
            query["signed_in"] = 1
        client = self._stranger if way.is_stranger else self._client
        send = client.post if way.method == "POST" else client.get
        self._note_way(way, new, send(f"{self._user._path}/{way.path}?{urlencode(query)}"))

    def sign_in(self) -> None:
        """Sign in to the session's account."""
        answer = self._client.post(f"{self._user._path}/login")
        self._note(Kind.LOGIN, answer)
        self.is_signed_in = answer.status == 200

    def sign_out(self) -> None:
        """Sign out again."""
        self._note(Kind.LOGOUT, self._client.post(f"{self._user._path}/logout"))
        self.is_signed_in = False

    def close(self) -> None:
        """Close the clients' connections."""
        self._client.close()
        self._stranger.close()

    def _note_way(self, way: Way, new: int, answer: Answer) -> None:
        """Note what the answer says was done. One that says nothing did not come from the views.

        It may still have written ``new``, where that is the number to write.
        """
        done = {Kind.WRITE: answer.body.get("wrote"), Kind.READ: answer.body.get("value")}
        known = {kind: value for kind, value in done.items() if type(value) is int}
        more: dict[str, Any] = {"way": way.name}
        if way.number:
            which = answer.body.get("which", "")
            more["session"] = f"{self._name}, {way.number} {which}".rstrip()
        if not known:
            kind = Kind.WRITE if way.is_write else Kind.READ
            is_foreign = answer.status == 200
            if way.is_write and not way.number:
                more["value"] = new
            self._note(kind, answer, status=NO_ANSWER if is_foreign else answer.status, **more)
        for kind, value in known.items():
            least = answer.body.get("least", 0) if kind is Kind.READ else 0
            self._note(kind, answer, value=value, least=least, **more)

    def _note(self, kind: Kind, answer: Answer, **more: Any) -> None:
        """Note what was done."""
        facts = {"session": self._user.name, "status": answer.status, **more}
        self._user._record(
            Operation(
                kind=kind,
                client=self._name,
                sent=answer.sent,
                answered=answer.answered,
                alias=str(answer.body.get("alias", "")),
                reason=str(answer.body.get("reason", "")),
                **facts,
            )
        )


def _no_cookies() -> CookieJar:
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))


class Browser(User):
    """One browser with cookies, which signs in and out now and then."""

    title = "browser"
    logins = 0.02


class Tabs(User):
    """One browser with two tabs, whose answers cross."""

    title = "browser with two tabs"

    def _clients(self, make: MakeClient) -> Sequence[tuple[Client, str]]:
        jar = CookieJar()
        return [(make(jar=jar), "(left)"), (make(jar=jar), "(right)")]


class TokenClient(User):
    """A program with a token and no cookies."""

    title = "token client"
    needs_server_side = True
    has_name = True

    def _clients(self, make: MakeClient) -> Sequence[tuple[Client, str]]:
        return [(make(token=secrets.token_urlsafe(16)), "")]


class TwoDevices(User):
    """One user who is signed in on two devices."""

    title = "user"
    needs_server_side = True
    needs_accounts = True
    has_name = True

    def _clients(self, make: MakeClient) -> Sequence[tuple[Client, str]]:
        return [(make(), "(phone)"), (make(), "(laptop)")]

    def begin(self) -> None:
        """Sign in on both."""
        for hand in self.hands:
            hand.sign_in()


#: All kinds, in the order in which a run takes them in turn.
KINDS: tuple[type[User], ...] = (Browser, TwoDevices, TokenClient, Tabs)
