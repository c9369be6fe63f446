"""The scope of a request: it loads the pins of the client that sent the request."""

import functools
import time
from dataclasses import replace

from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, HttpResponseBase

from pinning import conf
from pinning.databases import keeps_snapshot
from pinning.pins import (
    Pins,
    ResolvedUsers,
    Visitor,
    cookies,
    held,
    identity,
    is_session_at_hand,
    is_session_loaded,
)
from pinning.pins.stores import stores
from pinning.scopes.scope import Scope
from pinning.scopes.view_transaction import begins_around
from pinning.scopes.writers import session_users

#: The request of a scope that has ended: one for all. It needs settings, which come later.
_nobody = functools.cache(HttpRequest)


class RequestScope(Scope):
    """The scope of a request, with the pins of the client that sent it."""

    __slots__ = (
        "_names",
        "_session_users",
        "_switch",
        "_view_transactions",
        "has_pinned_body",
        "request",
    )

    def __init__(self, request: HttpRequest) -> None:
        """Open a scope for ``request``; no pins are loaded yet."""
        super().__init__()
        self.request = request
        self.users = ResolvedUsers(request) if stores().has_server_side else None
        #: Whom the session named before a write. None: it was not asked.
        self._session_users: tuple[str, ...] | None = None
        self._names: tuple[str, ...] = ()  # the identities whose pins were loaded
        self.is_unsafe = not conf.settings().is_safe(request)
        self.has_pinned_body = False  # what the body writes is pinned by the headers
        self._view_transactions: tuple[tuple[str, object], ...] = ()  # by alias
        self._switch: conf.Switch | None = None

    def load_pins(self) -> Pins | None:
        """Ask the stores, at the first read of the request: a request that never reads never asks.

        A later call asks the stores only for identities that have become known since.
        """
        names = identity.names_of(self.request, self.user_ids()) if self.users is not None else ()
        if names is None:
            return None
        if not self.pins_known:
            pins = stores().load(self._visitor(names))
        else:
            pins = self._with_more(tuple(name for name in names if name not in self._names))
        self._pins, self._names = pins, names  # names last, as another thread may look
        return pins

    def _with_more(self, names: tuple[str, ...]) -> Pins | None:
        known = self._pins  # once: meanwhile another thread may get no answer, and leave None
        if known is None or not names:
            return known
        more = stores().load(self._visitor(names))
        return None if more is None else known.merge(more)

    def before_write(self, table: str | None) -> None:
        """Ask the session whose it is, as the request may end it. It costs no query more."""
        super().before_write(table)
        if self.users is None or self._session_users:
            return
        is_due = self._session_users is None and is_session_at_hand(self.request, table)
        if is_due or is_session_loaded(self.request):
            self._ask_session()

    def _ask_session(self) -> tuple[str, ...]:
        """All users whom the session was seen to name. To ask may be a write: of what expired."""
        known = self._session_users = self._session_users or ()
        self._session_users = tuple(dict.fromkeys((*known, *session_users(self.request))))
        return self._session_users

    def visitor_after(self, response: HttpResponseBase | None) -> Visitor:
        """The visitor, with all identities it had and those that ``response`` gives it."""
        names = self._names
        if self.users is not None:
            named = self._session_users
            if named is None or is_session_loaded(self.request):
                named = self._ask_session()
            users = (*self.user_ids(), *named)
            names += identity.names_after(self.request, response, tuple(dict.fromkeys(users)))
        visitor = self._visitor(tuple(dict.fromkeys(names)))
        return replace(
            visitor,
            is_new=not identity.names_of(self.request),
            may_be_renamed=identity.may_be_renamed(self.request),
        )

    def _visitor(self, names: tuple[str, ...]) -> Visitor:
        is_shared = identity.is_shared(self.request, self.user_ids())
        return Visitor(
            cookies=self.request.COOKIES,
            hidden=cookies.hidden(self.request),
            identities=names,
            is_shared=is_shared,
        )

    def pins_of_body(self) -> Pins:
        """Pins that hold for MAX_PIN from now, for what a body writes after the headers have left.

        A body may write if the method is an unsafe one, or where the view has written.
        """
        names = set(conf.settings().replicas) if self.is_unsafe else set(self.works)
        return Pins(
            held(name, time.time()) for name in names if self.is_unsafe or self.has_written(name)
        )

    def find_seed(self) -> object:
        """What leads this client to the same replica in all its requests."""
        return identity.seed_of(self.request) or super().find_seed()

    def switch(self) -> conf.Switch:
        """What USE_REPLICAS says. A callable is asked once for each request."""
        if self._switch is None:
            known = conf.settings().use_replicas
            answer = known(self.request) if callable(known) else known
            self._switch = conf.SHADOW if answer == conf.SHADOW else bool(answer)
        return self._switch

    def began_transaction(self, connection: BaseDatabaseWrapper, transaction: object) -> None:
        """Note the view's transaction.

        One that keeps its snapshot is a transaction like others: a replica may show newer rows, and
        what is read there takes no part in the checks of SERIALIZABLE.
        """
        if self._begins_view(connection) and not keeps_snapshot(connection):
            begun = (connection.alias, transaction)
            self._view_transactions = (*self._view_transactions, begun)

    def is_views(self, connection: BaseDatabaseWrapper, transaction: object) -> bool:
        """Whether ``transaction`` is the one that ATOMIC_REQUESTS put around the view."""
        return any(
            alias == connection.alias and known is transaction
            for alias, known in self._view_transactions
        )

    def close(self) -> None:
        """End the request. A task that lives on keeps the scope alive, but not the request."""
        if self.users is not None:
            self.users.forget()
        super().close()
        self.request = _nobody()
        self._switch = self._switch or False  # the callable is not asked again

    def _begins_view(self, connection: BaseDatabaseWrapper) -> bool:
        match = self.request.resolver_match
        if match is None or not connection.settings_dict["ATOMIC_REQUESTS"]:
            return False
        return begins_around(match.func, connection.alias)
