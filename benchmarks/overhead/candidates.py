"""What is compared: the ways, unpinned and pinned, after parts that do nothing.

Import it once Django is set up.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.contrib.auth.models import AnonymousUser
from django.db import connections
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject

from benchmarks.notes.models import Note
from benchmarks.peers.ways import PRIMARY, REPLICA, WAYS, Way
from pinning.pins.identity import Visitor
from pinning.pins.pin import Pin, Pins, Position
from pinning.pins.stores import Exchange
from pinning.pins.stores.cookie import CookieStore
from pinning.reads.caught_up import note

#: Pins are written so far in the future: they hold for as long as it takes.
_AHEAD_SECONDS = 3600

_TIMELINE, _PLACE = "7583920174658392017.1", 10**12


class NoRouter:
    """Always the same answer."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        """Where a read goes."""
        return "replica1"


class NoMiddleware:
    """Calls on."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[..., Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        """Answer the request."""
        return self.get_response(request)


NO_OP = Way(
    name="no-op",
    what="a router and a middleware that do nothing",
    router="benchmarks.overhead.candidates.NoRouter",
    middleware="benchmarks.overhead.candidates.NoMiddleware",
)


def no_user() -> object:
    """Nobody, known from the start."""
    return AnonymousUser()


def unresolved_user() -> object:
    """Somebody whom nothing has asked for yet, as Django's middleware leaves it."""
    return SimpleLazyObject(AnonymousUser)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One way in one state."""

    way: Way
    state: str = "unpinned"
    cookies: dict[str, str] = field(default_factory=dict)
    hints: dict[str, Any] = field(default_factory=dict)
    user: Callable[[], object] = no_user

    @property
    def label(self) -> dict[str, str]:
        """What the results call it."""
        return {"way": self.way.name, "state": self.state}


def candidates() -> list[Candidate]:
    """Everything, unpinned and pinned, that needs no server; the first does nothing."""
    ways = [way for way in WAYS if (way.router or way.middleware) and way.is_installed]
    ways = [way for way in ways if not way.needs_servers]
    pinned = [Candidate(way=way, state="pinned", cookies=pinned_cookies(way)) for way in ways]
    return [
        Candidate(way=NO_OP),
        *(Candidate(way=way) for way in ways),
        *(candidate for candidate in pinned if candidate.cookies),
    ]


def pinned_cookies(way: Way) -> dict[str, str]:
    """The cookies of a user who has just written."""
    if way.is_ours:
        return cookies_of(Pin(cluster=PRIMARY, written_at=time.time() + _AHEAD_SECONDS))
    known = {
        "clock-2s": {"last_write": str(time.time() + _AHEAD_SECONDS)},
        "django-multidb-router": {"multidb_pin_writes": "y"},
        "django-replicated": {"just_updated": "true"},
    }
    return known.get(way.name, {})


def cookies_of(pin: Pin) -> dict[str, str]:
    """The cookies of a user of ours who has ``pin``."""
    response = HttpResponse()
    exchange = Exchange(RequestFactory().get("/"), response)
    CookieStore().save(Visitor(cookies={}), Pins([pin]), exchange)
    return {name: morsel.value for name, morsel in response.cookies.items()}


def async_candidates() -> list[Candidate]:
    """Those that have a middleware."""
    return [candidate for candidate in candidates() if candidate.way.middleware]


def variants() -> list[Candidate]:
    """Ours where it has more to look at, after a no-op."""
    note = Note(pk=1)
    note._state.db = "replica1"
    ours = next(way for way in WAYS if way.is_ours)
    return [
        Candidate(way=NO_OP, state="a relation", hints={"instance": note}),
        Candidate(way=ours, state="a relation", hints={"instance": note}),
    ]


def caught_up() -> list[Candidate]:
    """Ours with a pin whose place the replica is known to have reached, after a no-op."""
    ours = next(way for way in WAYS if way.is_ours)
    position = Position(places={_TIMELINE: _PLACE}, clock=0.0, server="a replica")
    note(connections[REPLICA], position)
    cookies = cookies_of(Pin(cluster=PRIMARY, written_at=0.0, timeline=_TIMELINE, position=_PLACE))
    return [
        Candidate(way=NO_OP, state="caught up"),
        Candidate(way=ours, state="caught up", cookies=cookies),
    ]


def with_a_server() -> list[Candidate]:
    """Ours without cookies and with all that a signed-in user has, after a no-op."""
    ours = next(way for way in WAYS if way.is_ours)
    return [
        Candidate(way=NO_OP),
        Candidate(way=ours),
        Candidate(way=ours, state="pinned", cookies=pinned_cookies(ours)),
    ]


def on_a_server() -> list[Candidate]:
    """Ours with pins filed under users, after a no-op."""
    ours = next(way for way in WAYS if way.is_ours)
    return [
        Candidate(way=NO_OP),
        Candidate(way=ours, state="user not resolved", user=unresolved_user),
        Candidate(way=ours, state="user resolved"),
    ]
