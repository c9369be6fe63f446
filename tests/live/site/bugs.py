"""Planted bugs: mistakes that others have made. A site has one if its app is installed.

Each is an app that patches ``pinning`` when the site starts, in that process alone.
"""

import sys
from contextvars import ContextVar
from typing import Any, ClassVar

from django.apps import AppConfig
from django.db import connections
from django.http import HttpResponse, JsonResponse

from pinning import databases, middleware
from pinning.databases import postgresql
from pinning.pins import identity, users
from pinning.pins.pin import Pin, Pins
from pinning.pins.stores import redis
from pinning.pins.stores.cookie import CookieStore
from pinning.reads import caught_up
from pinning.router import PinningRouter
from pinning.scopes.scope import Scope, current_scope
from pinning.scopes.state import ClusterWork, Works
from pinning.writes import recorder


class Bug(AppConfig):
    """Patches something when the site starts."""

    name = "tests.live.site.bugs"
    label = "bugs"
    default = False


class ServerBug(Bug):
    """What a server loses is not in the browser's cookies either."""

    def ready(self) -> None:
        identity.may_be_renamed = lambda request: False


class FlushPosition(Bug):
    """The flush LSN is recorded: under synchronous_commit=off it is behind the commit."""

    def ready(self) -> None:
        postgresql._PRIMARY = postgresql._PRIMARY.replace("insert_lsn", "flush_lsn")


class ReceivedPosition(Bug):
    """What the replica has received is compared, not what it has replayed."""

    def ready(self) -> None:
        postgresql._REPLICA = postgresql._REPLICA.replace("wal_replay", "wal_receive")


class PositionInTransaction(Bug):
    """The position is asked right before COMMIT: the commit's own record comes after it."""

    def ready(self) -> None:
        def commit(recorder: Any, commit: Any) -> None:
            if recorder._transaction.has_written():
                recorder._told = databases.of_primary(recorder._connection)
            commit()

        recorder.Recorder._commit = commit


class PinBeforeCommit(Bug):
    """A write pins when it is made, with the position that the primary had then."""

    def ready(self) -> None:
        def note(recorder: Any, scope: Any, write: Any) -> None:
            scope.wrote(recorder._cluster, databases.of_primary(recorder._connection))

        recorder.Recorder.note = note


class CheckInStatement(Bug):
    """One statement reads and asks the position: its snapshot is older than the answer."""

    question: ClassVar[str] = """
    SELECT (SELECT value FROM pinning_verify_counter WHERE run = %s AND session = %s),
           (SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint FROM pg_sleep(0.1))
    """

    def ready(self) -> None:
        from pinning.verify import numbers  # whose models are there by now

        correct = numbers.WORK["read"]

        def read(request: Any, number: Any) -> HttpResponse:
            pins = current_scope().pins()
            with connections["replica1"].cursor() as cursor:
                cursor.execute(self.question, [number.run, number.session])
                value, replayed = cursor.fetchone()
            if all(replayed >= pin.position for pin in pins):
                return JsonResponse({"value": value or 0, "alias": "replica1", "reason": ""})
            return correct(request, number)

        numbers.WORK["read"] = read


class CheckInSnapshot(Bug):
    """The position is asked inside a REPEATABLE READ transaction that has read before."""

    def ready(self) -> None:
        caught_up.is_in_transaction = lambda connection: False


class LostAtLogin(ServerBug):
    """Pins are filed under the names that the request came with, not those that it leaves with."""

    def ready(self) -> None:
        super().ready()
        identity.names_after = lambda request, response, users=(): identity.names_of(request, users)
        identity.introduce = lambda request, response: None


class LastWriterWins(ServerBug):
    """Whoever saves last overwrites the pin, although theirs may be the older one."""

    def ready(self) -> None:
        super().ready()
        redis._SAVE = """
        for _, key in ipairs(KEYS) do
          for i = 2, #ARGV, 3 do
            redis.call('HSET', key, ARGV[i], ARGV[i + 1] .. ' ' .. ARGV[i + 2])
          end
          redis.call('PEXPIRE', key, ARGV[1])
        end
        """


class DeletedWhenReached(ServerBug):
    """Who finds that a replica has reached a pin deletes it, and one that came meanwhile."""

    def ready(self) -> None:
        super().ready()

        def closed(scope: Any, response: Any) -> Any:
            choices = [work.choice for work in scope.works.values()]
            if any(choice is not None and choice.replica is not None for choice in choices):
                client = redis._client()
                client.delete(*(redis._key(client, name) for name in scope._names))
            return correct(scope, response)

        correct, middleware._closed = middleware._closed, closed


class CookieNotRenewed(Bug):
    """A browser that has a cookie keeps it as it is."""

    def ready(self) -> None:
        correct = CookieStore.save

        def save(store: CookieStore, visitor: Any, pins: Pins, exchange: Any) -> None:
            if not store.load(visitor).pins:
                correct(store, visitor, pins, exchange)

        CookieStore.save = save


class ContextVarInTask(Bug):
    """What a scope did is in a ContextVar that is set anew, which a task does for itself alone."""

    def ready(self) -> None:
        known: ContextVar[dict[tuple[int, str], ClusterWork]] = ContextVar("known")

        def works(scope: Scope) -> Works:
            found = Works()
            for (owner, name), work in known.get({}).items():
                if owner == id(scope):
                    found[name] = work
            return found

        def forget(scope: Scope, _: Any) -> None:
            known.set({key: work for key, work in known.get({}).items() if key[0] != id(scope)})

        def work(scope: Scope, cluster: str) -> ClusterWork:
            key = (id(scope), cluster)
            if key not in known.get({}):
                known.set({**known.get({}), key: ClusterWork()})
            return known.get({})[key]

        Scope.works = property(works, forget)
        Scope.work = work


class TimelineIgnored(Bug):
    """A larger place is taken for a later one, whatever the timeline."""

    def ready(self) -> None:
        def is_over(pin: Pin, seen: Any, now: float, **_: float) -> bool:
            return max(seen.places.values(), default=-1) >= pin.position

        Pin.is_over = is_over


class LeakingScope(Bug):
    """The current scope is a global, so that requests at the same time share the latest one."""

    def ready(self) -> None:
        class Variable:
            value: Any = None

            def get(self) -> Any:
                return self.value

            def set(self, value: Any) -> Any:
                before, self.value = self.value, value
                return before

            def reset(self, before: Any) -> None:
                self.value = before

        sys.modules[Scope.__module__]._current = Variable()  # pinning.scope is a block


class RouterDetectsWrites(Bug):
    """``db_for_write`` is taken for the sign of a write."""

    def ready(self) -> None:
        correct = PinningRouter.db_for_write

        def db_for_write(router: PinningRouter, model: Any, **hints: Any) -> str | None:
            alias = correct(router, model, **hints)
            current_scope().wrote(alias)
            return alias

        PinningRouter.db_for_write = db_for_write
        recorder.Recorder.note = lambda recorder, scope, write: None


class UsersForgotten(Bug):
    """Pins are filed under clients alone, so that a user's other device knows nothing of them."""

    def ready(self) -> None:
        users.ResolvedUsers.ids = lambda resolved: users.NOBODY


class WindowOnly(Bug):
    """A clock decides: after WINDOW the replica is taken to have it."""

    def ready(self) -> None:
        databases.VENDORS.clear()
