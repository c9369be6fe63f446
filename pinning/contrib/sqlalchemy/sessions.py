"""Sessions whose reads go where Django's go, by the same rules, in the same scope."""

import functools
import logging
import re
from collections.abc import Mapping, Set
from contextlib import ExitStack
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from sqlalchemy import ClauseElement, Connection, Dialect, Engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import Session
from sqlalchemy.util import LRUCache, await_only

from pinning import conf
from pinning.conf import Cluster, clusters
from pinning.contrib.sqlalchemy.borrowed import borrowed
from pinning.contrib.sqlalchemy.engines import was_told, watch
from pinning.databases import as_text, is_news, statement_of
from pinning.exceptions import one_line
from pinning.pins import Pin, Pins
from pinning.reads.caught_up import begin, has_caught_up
from pinning.reads.decision import decide, route
from pinning.scopes import Choice, ClusterWork, Reason, Scope, use_primary, wishes

logger = logging.getLogger("pinning")

#: Of how many forms of statements the texts are remembered.
_KNOWN = 500

#: In a compiled text: parameters that are put in when it runs.
_LATER = re.compile(r"__\[POSTCOMPILE_[^]]*+\]")


def session_class(engines: Mapping[str, Engine | AsyncEngine]) -> type["PinningSession"]:
    """A class of sessions on ``engines``, which has one for each alias of a cluster, or of several.

    From now on what the engines of primaries commit pins as Django's writes do, also what no
    session commits. Raises ImproperlyConfigured if an alias is missing or belongs to no cluster.
    """
    known: dict[str, Engine] = {
        alias: each.sync_engine if isinstance(each, AsyncEngine) else each
        for alias, each in engines.items()
    }
    conf.configured()
    replicas = conf.settings().replicas
    _check(known.keys(), [{name, *aliases} for name, aliases in replicas.items()])
    for name in replicas.keys() & known.keys():
        watch(known[name], name)
    return type("PinningSession", (PinningSession,), {"engines": known, "_texts": LRUCache(_KNOWN)})


def _check(given: Set[str], clusters: list[set[str]]) -> None:
    """Raise ImproperlyConfigured unless engines are given for whole clusters, and for one at least.

    A cluster is the set of its aliases.
    """
    named = [aliases for aliases in clusters if aliases & given] or clusters
    needed = set[str]().union(*named)
    for alias in sorted(given - needed):
        raise ImproperlyConfigured(
            f"session_class() got an engine for {alias!r}, which PINNING['REPLICAS'] does not name."
        )
    for alias in sorted(needed - given):
        raise ImproperlyConfigured(
            f"session_class() got no engine for {alias!r}. It needs one for each database of a "
            "cluster that PINNING['REPLICAS'] names."
        )


class PinningSession(Session):
    """What ``session_class`` makes classes of."""

    #: By alias.
    engines: ClassVar[Mapping[str, Engine]] = {}
    #: The texts of statements, by dialect and form.
    _texts: ClassVar[LRUCache[Any, str]] = LRUCache(_KNOWN)

    def __init__(self, bind: Any = None, **options: Any) -> None:
        """Take what ``Session`` takes. Without ``bind`` it is bound to the engine of "default"."""
        super().__init__(bind or self.engines.get(conf.DEFAULT), **options)
        self._begun: dict[Engine, Connection] = {}
        self._opened: dict[Engine, Connection] = {}

    # What is loaded in order to change something, as the children of what is deleted, is read from
    # the primary.
    flush = use_primary(Session.flush)
    delete = use_primary(Session.delete)

    def merge(self, *args: Any, **options: Any) -> Any:
        """Merge."""
        with use_primary():
            return super().merge(*args, **options)

    def execute(self, statement: Any, *args: Any, **options: Any) -> Any:
        """Execute. An UPDATE or DELETE may look first for the objects that it will change."""
        if not getattr(statement, "is_dml", False):
            return super().execute(statement, *args, **options)
        with use_primary():
            return super().execute(statement, *args, **options)

    def close(self) -> None:
        """Close the session, and what was opened for a statement that never ran."""
        super().close()
        self._end()

    def get_bind(self, mapper: Any = None, *, clause: Any = None, **more: Any) -> Any:
        """Where a statement runs: on a replica only if it surely does nothing but read.

        The cluster is that of the engine which ``Session`` takes, by ``binds`` for example.
        """
        found = super().get_bind(mapper, clause=clause, **more)
        name = next((alias for alias, each in self.engines.items() if each is found), "")
        cluster = clusters().of_alias(name)
        if cluster is None or name != cluster.primary or more.get("bind") or self.twophase:
            return found
        text = self._text_of(clause, found.dialect)
        if not _only_reads(text, found.dialect):
            return found
        alias = route(cluster, _primary_model_in(text, cluster), None, self._decide)
        engine = self.engines[alias]
        return self._begun.get(engine) or self._opened.get(engine) or engine

    def _text_of(self, clause: Any, dialect: Dialect) -> str:
        """The text of a statement. Empty if it surely writes, or if nobody can tell it."""
        if not isinstance(clause, ClauseElement) or getattr(clause, "is_dml", False):
            return ""
        form = clause._generate_cache_key()
        if form is None:
            return _compiled(clause, dialect)
        key = dialect, form.key
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = _compiled(clause, dialect)
        return text

    def _decide(
        self, cluster: Cluster, model: Any, instance: Any, scope: Scope | None
    ) -> tuple[str, Reason]:
        """Like ``decide``. A transaction of this session on the primary binds its reads as well.

        The session's connection to a replica is not Django's, which was asked for its position. So
        it has to prove itself, as that of another thread would.
        """
        primary = self.engines[cluster.primary]
        begun = self._begun.get(primary)
        if begun is not None and scope is not None and wishes().database is None:
            return cluster.primary, Reason.TRANSACTION
        ask = functools.partial(decide, cluster, model, instance, scope)
        alias, reason = await_only(sync_to_async(ask)()) if primary.dialect.is_async else ask()
        if alias == cluster.primary:
            return alias, reason
        if was_told(primary, begun):
            return cluster.primary, Reason.NO_REPLICA
        work = None
        if scope is not None and reason is not Reason.USE_REPLICA:
            work = scope.work(cluster.primary)
        why = self._enter(alias, work)
        if why is None:
            return alias, reason
        if work is not None:
            work.choice = Choice.for_now(cluster.primary, why)  # Django's reads go there as well
        return cluster.primary, why

    def _enter(self, alias: str, work: ClusterWork | None) -> Reason | None:
        """Find a connection to the replica that has what the scope asks for. Else: why not."""
        engine, needed = self.engines[alias], _needed(alias, work)
        if needed is None:
            return Reason.PINNED
        known = self._begun.get(engine) or self._opened.get(engine)
        if known is not None:
            return None if _has_reached(known, alias, needed) else Reason.PINNED
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(engine.connect())
                _ping(connection)
            except (SQLAlchemyError, OSError) as error:
                if is_news("SQLAlchemy", alias):
                    logger.warning("SQLAlchemy cannot connect to %r: %s", alias, one_line(error))
                return Reason.NO_REPLICA
            if not _has_reached(connection, alias, needed):
                return Reason.PINNED
            stack.pop_all()
        self._opened[engine] = connection
        return None

    def _end(self) -> None:
        """Close the connections to replicas: ``Session`` closes those that it has opened itself."""
        self._begun.clear()
        while self._opened:
            self._opened.popitem()[1].close()


@event.listens_for(PinningSession, "after_begin")
def _note_begin(session: PinningSession, _: object, connection: Connection) -> None:
    session._begun[connection.engine] = connection


@event.listens_for(PinningSession, "after_transaction_end")
def _note_end(session: PinningSession, transaction: Any) -> None:
    if transaction.parent is None:
        session._end()


def _compiled(clause: ClauseElement, dialect: Dialect) -> str:
    try:
        text = str(clause.compile(dialect=dialect))
    except SQLAlchemyError:
        return ""
    return as_text(_LATER.sub("%s", text), None)


def _only_reads(text: str, dialect: Dialect) -> bool:
    vendor = "mysql" if dialect.name == "mariadb" else dialect.name  # as Django has it
    statement = statement_of(text, vendor)
    is_query = statement.is_query and not statement.locks
    return is_query and statement.word != "" and statement.may_show_rows


def _primary_model_in(text: str, cluster: Cluster) -> Any:
    """A model of PRIMARY_MODELS whose table the text may name, if there is one."""
    models = (each for each in apps.get_models() if cluster.primary_models[each])
    return next((each for each in models if each._meta.db_table in text), None)


def _needed(alias: str, work: ClusterWork | None) -> tuple[Pin, ...] | None:
    """What a connection to the replica must have reached. None: the scope reads elsewhere now."""
    if work is None:
        return ()
    choice = work.choice
    if choice is None or choice.alias != alias:
        return None
    return tuple(work.seen.merge(Pins(choice.pins))) if work.seen else choice.pins


def _ping(connection: Connection) -> None:
    """See whether a connection from the pool is alive. Raises SQLAlchemyError."""
    dialect, raw = connection.dialect, connection.connection.dbapi_connection
    try:
        if raw is not None:
            dialect.do_ping(raw)
    except dialect.loaded_dbapi.Error as error:
        connection.invalidate(error)
        raise SQLAlchemyError(str(error)) from error


def _has_reached(connection: Connection, alias: str, pins: tuple[Pin, ...]) -> bool:
    """Whether what is read on ``connection`` from now on has ``pins``.

    In a transaction nothing is asked, as its snapshot may be older than the answer. With most
    drivers the question begins one itself, which is rolled back.
    """
    if not pins:
        return True
    dialect = connection.dialect
    django = borrowed(connection.connection, dialect, alias)
    django.autocommit = not connection.in_transaction()
    if not django.autocommit:
        return has_caught_up(django, pins)
    begin(django)
    answer = has_caught_up(django, pins)
    try:
        dialect.do_rollback(connection.connection)
    except dialect.loaded_dbapi.Error as error:
        connection.invalidate(error)
        return False
    return answer
