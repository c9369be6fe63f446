"""Scopes with the pins of a user or client, for work that is no request: a websocket's message."""

import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from django.db import connections
from django.http import HttpRequest, QueryDict, parse_cookie

from pinning.databases import is_on_event_loop, pin_now, pins_at
from pinning.pins import (
    Pins,
    Position,
    ResolvedUsers,
    Visitor,
    cookies,
    id_of,
    identity,
    is_open,
    signing,
)
from pinning.pins.stores import stores
from pinning.scopes.scope import Scope
from pinning.scopes.writers import session_users
from pinning.scopes.written import NO_WRITES, Write


class Holder:
    """The user or client that work is done for: loads their pins, and saves new ones for them."""

    def __init__(self, who: object) -> None:
        """Take the scope of an ASGI connection, a request, a user, or a user's id."""
        self._who = who
        self._request = request_of(who) if isinstance(who, Mapping) else None
        if isinstance(who, HttpRequest):
            self._request = who

    def seed(self) -> object:
        """A value that leads the user or client to the same replica each time. None if unknown."""
        if self._request is not None:
            client = identity.seed_of(self._request)
            return client or next(iter(ResolvedUsers(self._request).ids()), None)
        return None if is_open(self._who) else _name_of(self._who)

    def names(self) -> tuple[str, ...]:
        """The names under which the pins are kept, as far as they are known by now."""
        request = self._request
        visitor = self._visitor(() if request is None else ResolvedUsers(request).ids())
        return () if visitor is None else visitor.identities

    def load(self) -> Pins | None:
        """The pins of this user or client. None if no store could tell."""
        request = self._request
        visitor = self._visitor(() if request is None else ResolvedUsers(request).ids())
        return None if visitor is None else stores().load(visitor)

    def save(self, take: Callable[[], Pins]) -> None:
        """Save the pins that ``take`` returns. ``take`` may ask databases.

        Code on an event loop has no connections to ask on. There the event loop waits for a thread,
        which has connections of its own.
        """
        if not is_on_event_loop():
            self._save(take)
            return
        thread = threading.Thread(target=self._save_aside, args=[take])
        thread.start()
        thread.join()

    def _save_aside(self, take: Callable[[], Pins]) -> None:
        try:
            self._save(take)
        finally:
            connections.close_all()

    def _save(self, take: Callable[[], Pins]) -> None:
        request = self._request
        users = () if request is None else ResolvedUsers(request).ids()
        if request is not None and not users:
            users = session_users(request)
        visitor = self._visitor(users)
        if visitor is not None and visitor.identities:
            stores().save(visitor, take(), None)

    def _visitor(self, users: tuple[str, ...]) -> Visitor | None:
        """Made anew each time, because the user of a consumer may have been resolved since."""
        if self._request is None:
            name = _name_of(self._who)
            names = () if name is None else signing.hashed("user", name)
            return Visitor(cookies={}, identities=names)
        found = identity.names_of(self._request, users)
        if found is None:
            return None
        return Visitor(
            cookies=self._request.COOKIES,
            hidden=cookies.hidden(self._request),
            identities=found,
            are_cookies_current=False,
        )


class _Handshake(HttpRequest):
    """The request of an ASGI connection. Its query, which may be anything, is read on demand."""

    def __init__(self) -> None:
        super().__init__()
        del self.GET

    @cached_property
    def GET(self) -> QueryDict:  # type: ignore[override]  # noqa: N802  as Django calls it
        return QueryDict(self.META["QUERY_STRING"])


def request_of(connection: Mapping[str, Any]) -> HttpRequest:
    """A request made of what is known of an ASGI connection, a websocket's for example."""
    request = _Handshake()
    request.META.update(_meta_of(connection))
    request.method = connection.get("method")
    request.path = request.path_info = connection.get("path", "")
    for raw_name, raw_value in connection.get("headers", ()):
        name, value = raw_name.decode("latin1").upper(), raw_value.decode("latin1")
        if "_" not in name:  # as Django does: "A_B" could pass for "A-B"
            key = f"HTTP_{name.replace('-', '_')}"
            separator = "; " if name == "COOKIE" else ","
            known = request.META.get(key)
            request.META[key] = value if known is None else f"{known}{separator}{value}"
    request.COOKIES = parse_cookie(request.META.get("HTTP_COOKIE", ""))
    for name in ("user", "session"):
        if name in connection:
            setattr(request, name, connection[name])
    return request


def _meta_of(connection: Mapping[str, Any]) -> dict[str, str]:
    """What Django notes of a connection beside its headers."""
    query = connection.get("query_string", b"")
    client, server = connection.get("client"), connection.get("server") or ("unknown", 0)
    found = {
        "QUERY_STRING": query if isinstance(query, str) else query.decode(errors="replace"),
        "SERVER_NAME": str(server[0]),
        "SERVER_PORT": str(server[1]),
    }
    if client:
        found["REMOTE_ADDR"] = str(client[0])
    return found


def _name_of(who: Any) -> str | None:
    """A user's id, or None for nobody. A lazy user is resolved: the caller gave it to be used."""
    if who is None or who == "":
        return None
    return id_of(who) if hasattr(who, "is_authenticated") else str(who)


class HeldScope(Scope):
    """The scope of work for a user or client: it loads their pins, and saves new ones for them."""

    __slots__ = ("holder",)

    def __init__(self, holder: Holder) -> None:
        """Open a scope for ``holder``; no pins are loaded yet."""
        super().__init__()
        self.holder = holder

    def find_seed(self) -> object:
        """What leads the holder to the same replica each time, or the scope around."""
        own = self.holder.seed() if self.parent is None else None
        return own or super().find_seed()

    def load_pins(self) -> Pins | None:
        """The pins of the scope around, if any, and those of the holder."""
        around = super().load_pins()
        held = None if around is None else self.holder.load()
        return None if around is None or held is None else around.merge(held)

    def wrote(
        self,
        cluster: str,
        position: Position | None = None,
        session: object = None,
        writes: Mapping[Write, int] = NO_WRITES,
    ) -> None:
        """Note a commit. If the scope has ended already, its pin is saved at once."""
        super().wrote(cluster, position, session, writes)
        if self.is_closed:
            at = pin_now(cluster) if position is None else pins_at(cluster, position)
            self.holder.save(lambda: at)

    def close(self) -> None:
        """Save the pins of what was written, and end the scope."""
        try:
            if self.has_unsaved_writes():
                self.holder.save(self.take_pins)
        finally:
            super().close()
