"""Simulated users: what each has for clients, and what a client does next."""

import itertools
import random
import secrets
from collections.abc import Callable, Sequence
from http.cookiejar import CookieJar
from typing import ClassVar

from pinning.verify.clients import Answer, Client
from pinning.verify.history import NO_ANSWER, Kind, Operation

#: Makes a client: ``make(token=..., jar=...)``.
MakeClient = Callable[..., Client]

Record = Callable[[Operation], None]

_WRITES = 0.25


class User:
    """Somebody who writes larger and larger values, and reads what is there, on some clients."""

    title: ClassVar[str]
    #: What the site needs for them: pins on a server, and accounts that can sign in.
    needs_server_side: ClassVar[bool] = False
    needs_accounts: ClassVar[bool] = False
    #: Which part of their requests sign in or out, where they can.
    logins: ClassVar[float] = 0.0

    def __init__(self, number: int, make: MakeClient, record: Record) -> None:
        """Take the ``number``-th session of the run."""
        self.name = f"{self.title} {number}"
        self.may_sign_in = False
        self._path = f"{number}"
        self._record = record
        self._values = itertools.count(1)  # whose next() is one step for all threads
        self.hands = [Hand(self, client, place) for client, place in self._clients(make)]

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

    def __init__(self, user: User, client: Client, place: str) -> None:
        """Hold ``client``."""
        self.is_signed_in = False
        self._user = user
        self._client = client
        self._name = f"{user.name} {place}".strip()

    def step(self, chance: random.Random) -> None:
        """Write, read, or sign in or out."""
        drawn = chance.random()
        if self._user.needs_accounts and not self.is_signed_in:
            self.sign_in()  # as a stranger it would be another session
        elif drawn < _WRITES:
            self.write()
        elif self._user.may_sign_in and drawn < _WRITES + self._user.logins:
            self.sign_out() if self.is_signed_in else self.sign_in()
        else:
            self.read()

    def write(self) -> None:
        """Write the next value."""
        value = self._user.next_value()
        self._note(Kind.WRITE, self._client.post(self._path_of_value(), value=value), value)

    def read(self) -> None:
        """Read the value."""
        answer = self._client.get(self._path_of_value())
        self._note(Kind.READ, answer, answer.body.get("value"))

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
        """Close the client's connections."""
        self._client.close()

    def _path_of_value(self) -> str:
        return f"{self._user._path}/value" + ("?signed_in=1" if self.is_signed_in else "")

    def _note(self, kind: Kind, answer: Answer, value: int | None = None) -> None:
        """Note what was done. An answer that tells no value did not come from the views."""
        is_foreign = kind in {Kind.WRITE, Kind.READ} and type(answer.body.get("value")) is not int
        self._user._record(
            Operation(
                kind=kind,
                session=self._user.name,
                client=self._name,
                sent=answer.sent,
                answered=answer.answered,
                status=NO_ANSWER if is_foreign and answer.status == 200 else answer.status,
                value=value,
                alias=str(answer.body.get("alias", "")),
                reason=str(answer.body.get("reason", "")),
            )
        )


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

    def _clients(self, make: MakeClient) -> Sequence[tuple[Client, str]]:
        return [(make(token=secrets.token_urlsafe(16)), "")]


class TwoDevices(User):
    """One user who is signed in on two devices."""

    title = "user"
    needs_server_side = True
    needs_accounts = True

    def _clients(self, make: MakeClient) -> Sequence[tuple[Client, str]]:
        return [(make(), "(phone)"), (make(), "(laptop)")]

    def begin(self) -> None:
        """Sign in on both."""
        for hand in self.hands:
            hand.sign_in()


#: All kinds, in the order in which a run takes them in turn.
KINDS: tuple[type[User], ...] = (Browser, TwoDevices, TokenClient, Tabs)
