"""``detect_stale_reads()``: finds reads that production may answer with old rows."""

import contextlib
import functools
import threading
import warnings
from collections.abc import Iterator
from typing import Any, Literal

from pinning.conf import clusters
from pinning.databases import as_text, statement_of
from pinning.reads.routed import was_asked_for
from pinning.scopes import Reason, Scope, current_scope, line_of_project, overrides, wishes
from pinning.signals import scope_closed
from pinning.testing.pretend.people import Clients, who
from pinning.testing.pretend.replica import PretendedReplica, pretended_replica
from pinning.testing.pretend.stale import (
    StaleRead,
    StaleReadError,
    StaleReadWarning,
    summary,
)
from pinning.testing.pretend.tables import tables_in
from pinning.testing.pretend.writes import Change
from pinning.writes.naming import subject_of

How = Literal["error", "warning", "report"]

#: Why somebody who has written reads on the primary.
_KEEPING = (Reason.PINNED, Reason.WRITTEN)


class StaleReads:
    """What was found. ``str`` of it is a report for people."""

    def __init__(self) -> None:
        #: How many statements went to replicas.
        self.reads = 0
        #: Reads without what the same person wrote, and how often each was seen.
        self.stale: dict[StaleRead, int] = {}
        #: The same, without what somebody else wrote: they are eventually consistent.
        self.eventual: dict[StaleRead, int] = {}
        #: How many reads lacked something and were declared to be fine, by ``use_replica``.
        self.allowed = 0
        #: How many answers of the router kept somebody on the primary who had written.
        self.kept = 0

    def __str__(self) -> str:
        times, others = sum(self.stale.values()), sum(self.eventual.values())
        head = summary(self.reads, times, others, self.allowed, self.kept)
        return "\n".join([head, *map(str, self.stale)])


@contextlib.contextmanager
def detect_stale_reads(how: How = "error") -> Iterator[StaleReads]:
    """A block in which reads are looked for that production may answer with old rows.

    A read is stale if a replica serves it, and lacks something that the same person has written to
    a table that is read. Without a ``pretended_replica()`` around, the replica gets nothing that is
    written in the block, until ``catch_up()``. Who has written is one person with who reads, unless
    something tells them apart: test clients, users, tokens, identities. What the test itself
    writes, outside scopes and requests, is there from the start.

    ``how`` is "error": raise StaleReadError where the code reads, and at the end of the block if
    the code has caught it. Or "warning": give a StaleReadWarning. Or "report": only collect.

    Queries on replicas count as the primary's, so that a test which counts them finds them there.
    """
    found = StaleReads()
    with contextlib.ExitStack() as stack:
        replica = stack.enter_context(pretended_replica())
        if not replica.is_moved:
            replica.pause()
        clients = stack.enter_context(Clients())
        stack.enter_context(_watching(replica, _Detector(replica, clients, found, how)))
        yield found
    if how == "error" and found.stale:
        raise StaleReadError(str(found))


class _Detector:
    """Watches what is written on pretended primaries, and what is read on pretended replicas."""

    def __init__(
        self, replica: PretendedReplica, clients: Clients, found: StaleReads, how: How
    ) -> None:
        self._replica, self._clients, self._found, self._how = replica, clients, found, how
        self._thread = threading.current_thread()

    def describe(self, cluster: str, sql: str) -> Change | None:
        """The change that the statement ``sql`` makes. None if nobody has to see it."""
        scope = current_scope()
        if self._is_test(scope) or wishes().is_unpinned:
            return None
        statement = statement_of(sql)
        table = statement.table
        if table is not None and (cluster, table) in clusters().unpinned_tables:
            return None
        tables = tables_in(sql) if table is None else frozenset({table.lower()})
        model = ", ".join(sorted(map(subject_of, tables))) or "raw SQL"
        kind = statement.word.upper() or "raw SQL"
        return Change(model, tables, kind, line_of_project(), who(scope))

    def look(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Look at a statement before it runs on a replica. It is an execute wrapper of Django's."""
        connection = context["connection"]
        self._found.reads += 1
        lacking = self._lacking(connection.alias)
        if lacking:
            tables = tables_in(as_text(sql, connection.connection))
            lacking = [change for change in lacking if not tables.isdisjoint(change.tables)]
        if lacking:
            self._judge(connection.alias, lacking, context["cursor"])
        return execute(sql, params, many, context)

    def count(self, scope: Scope, **_: object) -> None:
        """Receive ``scope_closed``: count the reads that a pin or a write kept on the primary."""
        for reads in scope.reads.values():
            self._found.kept += sum(reads.get(reason, 0) for reason in _KEEPING)

    def _judge(self, alias: str, lacking: list[Change], cursor: Any) -> None:
        scope = current_scope()
        if self._is_test(scope):
            return
        if wishes().database == overrides.REPLICA:
            self._found.allowed += 1
            return
        reader = who(scope)
        reason = None if was_asked_for(cursor) else _reason(scope, alias)
        own = [change for change in lacking if change.who.may_be(reader)]
        change = (own or lacking)[-1]
        read = StaleRead(change.model, alias, reason, line_of_project(), reader, change)
        kind = self._found.stale if own else self._found.eventual
        kind[read] = kind.get(read, 0) + 1
        if own:
            self._tell(read)

    def _tell(self, read: StaleRead) -> None:
        if self._how == "error":
            raise StaleReadError(str(read))
        if self._how == "warning":
            file, _, line = read.line.rpartition(":")
            warnings.warn_explicit(str(read), StaleReadWarning, file or "?", int(line or 0))

    def _lacking(self, alias: str) -> list[Change]:
        cluster = clusters().of_alias(alias)
        if cluster is None or cluster.primary not in self._replica.writes:
            return []
        log = self._replica.writes[cluster.primary].log
        return log.since(self._replica.place(cluster.primary)) if log.changes else []

    def _is_test(self, scope: Scope | None) -> bool:
        """Whether it is the test itself that works, outside scopes and requests."""
        is_outside = scope is None and not self._clients.sending
        return is_outside and threading.current_thread() is self._thread


def _reason(scope: Scope | None, alias: str) -> Reason:
    """Why the scope reads from the replica."""
    cluster = clusters().of_alias(alias)
    work = None if scope is None or cluster is None else scope.works.get(cluster.primary)
    return Reason.REPLICA if work is None or work.choice is None else work.choice.reason


@contextlib.contextmanager
def _watching(replica: PretendedReplica, detector: _Detector) -> Iterator[None]:
    """Let ``detector`` look at all reads and writes, in the place of one around."""
    around: set[_Detector] = set()
    with contextlib.ExitStack() as stack:
        for name, writes in replica.writes.items():
            stack.callback(setattr, writes, "describe", writes.describe)
            writes.describe = functools.partial(detector.describe, name)
        for connection in replica.connections.values():
            others = [*connection.execute_wrappers]
            stack.callback(connection.execute_wrappers.__setitem__, slice(None), others)
            kept = (each for each in others if not isinstance(_owner(each), _Detector))
            connection.execute_wrappers[:] = [*kept, detector.look]
            stack.enter_context(connection.counted_on_primary())  # type: ignore[attr-defined]
            around.update(each for each in map(_owner, others) if isinstance(each, _Detector))
        for each in around:
            scope_closed.disconnect(each.count)
            stack.callback(scope_closed.connect, each.count)
        scope_closed.connect(detector.count)
        stack.callback(scope_closed.disconnect, detector.count)
        yield


def _owner(wrapper: Any) -> object:
    return getattr(wrapper, "__self__", None)
