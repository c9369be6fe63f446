"""Planted bugs that show in one way of writing or reading alone. `bugs` has the others."""

import functools
from collections.abc import Callable
from typing import Any

from pinning import middleware
from pinning.conf import primary
from pinning.pins import Pins
from pinning.pins.stores import redis
from pinning.pins.stores.base import Loaded
from pinning.reads import one_database
from pinning.router import PinningRouter
from pinning.scopes import inside, request
from pinning.scopes.scope import Scope
from pinning.writes import recorder
from tests.live.site.bugs import Bug


class WayBug(Bug):
    """One that lies in this file."""

    name = "tests.live.site.way_bugs"


class GetsDoNotPin(WayBug):
    """Only a request whose method usually writes is looked at."""

    def ready(self) -> None:
        correct = middleware._has_to_save
        middleware._has_to_save = lambda scope, response: (
            scope.is_unsafe and correct(scope, response)
        )


class ManyUnseen(WayBug):
    """A statement with several sets of parameters goes past the recorder."""

    def ready(self) -> None:
        correct = recorder.Recorder.__call__

        def call(watcher: Any, execute: Any, sql: Any, params: Any, many: bool, more: Any) -> Any:
            if many:
                return execute(sql, params, many, more)
            return correct(watcher, execute, sql, params, many, more)

        recorder.Recorder.__call__ = call


class OnlyResolvedUsers(WayBug):
    """A write is filed under the user only if the view has asked who that is."""

    def ready(self) -> None:
        request.session_users = lambda request: ()


class BodyForgotten(WayBug):
    """Pins are saved with the headers, and never again."""

    def ready(self) -> None:
        middleware._end = lambda scope, response=None: scope.close()
        middleware._save_late = lambda scope, response: None
        middleware._has_to_save = lambda scope, response: scope.has_unsaved_writes()


class ThreadsWithoutPins(WayBug):
    """A thread gets a scope of its own, which has loaded no pins."""

    def ready(self) -> None:
        from proof import views  # whose models are there by now

        class Empty(Scope):
            def load_pins(self) -> Pins:
                return Pins()

        def in_scope(function: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(function)
            def run(*args: Any) -> Any:
                with inside(Empty()):
                    return function(*args)

            return run

        views.in_scope = in_scope


class AliasesAreDatabases(WayBug):
    """What follows an object is read from the replica that gave it."""

    def ready(self) -> None:
        def ask_again(queryset: Any, name: str) -> str:
            return name if getattr(queryset, "_for_write", False) else "replica1"

        one_database._ask_again = ask_again
        one_database._named = lambda asked: str(getattr(asked, "source", asked))


class LocksIgnored(WayBug):
    """A lock in the view's transaction is a read like any other."""

    def ready(self) -> None:
        recorder.Recorder._note_lock = lambda watcher, statement, text: None


class CacheOnReplicas(WayBug):
    """The table of the database cache is read where all models are."""

    def ready(self) -> None:
        primary.outlives_lag = lambda model: False


class FollowsItsObject(WayBug):
    """What belongs to an object is read where that came from."""

    def ready(self) -> None:
        correct = PinningRouter.db_for_read

        def db_for_read(router: Any, model: Any, **hints: Any) -> Any:
            state = getattr(hints.get("instance"), "_state", None)
            source = getattr(getattr(state, "db", None), "source", None)
            return source or correct(router, model, **hints)

        PinningRouter.db_for_read = db_for_read


class YoungMemoryBelieved(WayBug):
    """That an emptied Redis has no pins is taken for the proof that there are none."""

    def ready(self) -> None:
        correct = redis.RedisStore.load
        redis.RedisStore.load = lambda store, visitor: Loaded(correct(store, visitor).pins)
