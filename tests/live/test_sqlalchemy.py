"""A site that writes by Django and reads by SQLAlchemy, or the other way: its replica lags."""

import asyncio
import contextlib
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from sqlalchemy import URL, Engine, create_engine, exc, select, text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, sessionmaker

from pinning import Reason, carried, current_scope, scope, use_replica
from pinning.contrib.sqlalchemy import session_class
from pinning.exceptions import NotAPrimaryError
from pinning.testing.postgres import Postgres
from tests.live.conftest import on_each_database
from tests.live.site.pair import DATABASE, Pair
from tests.notes import models
from tests.notes.mapped import Note

#: How long visitors write and read; PINNING_SECONDS=60 for 10,000 pairs.
SECONDS = float(os.environ.get("PINNING_SECONDS", "4"))
VISITORS = 6
DRIVERS = {"postgresql": "postgresql+psycopg", "mariadb": "mysql+mysqldb", "mysql": "mysql+mysqldb"}


def url_of(server: Any, driver: str) -> URL:
    own = server.settings(DATABASE)
    place = {"host": own["HOST"], "port": int(own["PORT"]), "database": own["NAME"]}
    return URL.create(driver, own["USER"], own["PASSWORD"], **place)


@pytest.fixture
def engine_of(pair: Pair, vendor: str) -> Iterator[Callable[..., Engine]]:
    """Makes engines for servers."""
    made: list[Engine] = []

    def engine_of(server: Any, **options: Any) -> Engine:
        made.append(create_engine(url_of(server, DRIVERS[vendor]), **options))
        return made[-1]

    yield engine_of
    for engine in made:
        engine.dispose()


@pytest.fixture
def engines(pair_here: Pair, engine_of: Callable[..., Engine]) -> dict[str, Engine]:
    models.Note.objects.create(pk=1, text="old")
    pair_here.catch_up()
    return {"default": engine_of(pair_here.primary), "replica1": engine_of(pair_here.replica)}


@pytest.fixture
def sessions(engines: dict[str, Engine]) -> Any:
    return sessionmaker(class_=session_class(engines))


def read(session: Session, pk: int = 1) -> str:
    return session.execute(select(Note.text).where(Note.id == pk)).scalar_one()


def write(session: Session, words: str, pk: int = 1) -> None:
    change = text("UPDATE notes_note SET text = :words WHERE id = :pk")
    session.execute(change, {"words": words, "pk": pk})


def reasons() -> dict[Reason, int]:
    work = current_scope()
    assert work is not None
    return work.reads["default"]


# Writes and reads, both ways


def by_django(words: str, pk: int) -> None:
    models.Note.objects.filter(pk=pk).update(text=words)


def from_django(pk: int) -> str:
    return models.Note.objects.get(pk=pk).text


class Crowd:
    """Visitors who write by one and read by the other, and look at the replica beside."""

    def __init__(self, sessions: Any, replica: Engine) -> None:
        self.sessions, self.plain = sessions, sessionmaker(replica)
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[Reason] = Counter()
        self.lock = threading.Lock()

    def by_session(self, words: str, pk: int) -> None:
        with self.sessions.begin() as session:
            write(session, words, pk)

    def by_flush(self, words: str, pk: int) -> None:
        with self.sessions() as session:
            session.get(Note, pk).text = words
            session.commit()

    def from_session(self, pk: int) -> str:
        with self.sessions() as session:
            return read(session, pk)

    def visit(self, pk: int) -> None:
        """One visitor, until the time is over."""
        chance, until, number = random.Random(pk), time.monotonic() + SECONDS, 0
        ways = [
            (by_django, self.from_session),
            (self.by_session, from_django),
            (self.by_flush, from_django),
            (self.by_flush, self.from_session),
        ]
        while time.monotonic() < until:
            number += 1
            by, from_ = chance.choice(ways)
            self.pair(pk, f"{pk} {number}", by, from_, chance.choice((0, 0, 0.01, 0.03, 0.1)))
        connections.close_all()

    def pair(self, pk: int, words: str, by: Any, from_: Any, pause: float) -> None:
        with scope():
            by(words, pk)
            pins = carried()
        time.sleep(pause)
        with self.plain() as session:
            is_plain_stale = read(session, pk) != words
        with scope(carried=pins):
            is_stale = from_(pk) != words
            seen = reasons()
        with self.lock:
            self.counts.update(pairs=1, stale=is_stale, plain=is_plain_stale)
            self.reasons.update(seen)


@contextlib.contextmanager
def lagging(pair: Pair) -> Iterator[None]:
    """In the block the replica stops and goes on."""
    is_over = threading.Event()

    def stop_and_go() -> None:
        while not is_over.wait(random.uniform(0, 0.05)):
            with pair.paused():
                is_over.wait(random.uniform(0, 0.1))

    thread = threading.Thread(target=stop_and_go)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@on_each_database
def test_nobody_misses_what_they_wrote(
    pair_here: Pair, engines: dict[str, Engine], sessions: Any, figure: Any, vendor: str
) -> None:
    for pk in range(2, VISITORS + 1):
        models.Note.objects.create(pk=pk, text="old")
    pair_here.catch_up()
    crowd = Crowd(sessions, engines["replica1"])
    with lagging(pair_here), ThreadPoolExecutor(VISITORS) as threads:
        for done in [threads.submit(crowd.visit, pk) for pk in range(1, VISITORS + 1)]:
            done.result()
    figure(f"SQLAlchemy beside Django on {vendor}", {**crowd.counts, **crowd.reasons})
    assert crowd.counts["stale"] == 0
    assert crowd.counts["plain"] > 10
    assert crowd.reasons[Reason.CAUGHT_UP] > 10
    assert crowd.reasons[Reason.PINNED] > 10


# One at a time


@on_each_database
def test_a_commit_brings_its_position_along(pair_here: Pair, sessions: Any) -> None:
    with pair_here.paused():
        with scope() as work, sessions.begin() as session:
            write(session, "new")
            session.commit()
            assert work.works["default"].written.known() is not None
            pins = carried()
        with scope(carried=pins), sessions() as session:
            assert read(session) == "new"
            assert reasons() == {Reason.PINNED: 1}
    pair_here.catch_up()
    with scope(carried=pins), sessions() as session:
        assert read(session) == "new"
        assert reasons() == {Reason.CAUGHT_UP: 1}


@on_each_database
@pytest.mark.parametrize("level", [None, "REPEATABLE READ"])
def test_a_transaction_on_the_replica_keeps_nobody_from_newer_rows(
    pair_here: Pair, engines: dict[str, Engine], engine_of: Any, level: str | None
) -> None:
    """The session began to read before the write, and the replica has caught up since."""
    options = {"isolation_level": level} if level else {}
    engines["replica1"] = engine_of(pair_here.replica, **options)
    session = session_class(engines)()
    with scope():
        assert read(session) == "old"
        assert reasons() == {Reason.REPLICA: 1}
    with scope():
        by_django("new", 1)
        pins = carried()
    pair_here.catch_up()
    with scope(carried=pins):
        assert from_django(1) == "new"
        assert read(session) == "new"
        assert reasons() == {Reason.CAUGHT_UP: 1, Reason.PINNED: 1}
    session.close()
    with scope(carried=pins):
        assert read(session) == "new"
        assert reasons() == {Reason.CAUGHT_UP: 1}
    session.close()


@on_each_database
def test_the_question_leaves_no_snapshot_behind(
    pair_here: Pair, engines: dict[str, Engine], engine_of: Any
) -> None:
    engines["replica1"] = engine_of(pair_here.replica, isolation_level="REPEATABLE READ")
    with scope():
        by_django("new", 1)
        pins = carried()
    pair_here.catch_up()
    with scope(carried=pins), session_class(engines)() as session:
        bind = session.get_bind(clause=select(Note.text))
        assert bind.engine is engines["replica1"]
        by_somebody = "UPDATE notes_note SET text = 'newer'"
        pair_here.execute(by_somebody)
        pair_here.catch_up()
        assert read(session) == "newer"


@on_each_database
def test_another_server_behind_the_alias_has_to_show_that_it_has_caught_up(
    pair_here: Pair, engines: dict[str, Engine], engine_of: Any
) -> None:
    with pair_here.primary.replica() as other:
        other.wait_until_caught_up()
        engines["replica1"] = engine_of(other)
        other.pause_replay()
        with scope():
            by_django("new", 1)
            pins = carried()
        pair_here.catch_up()
        with scope(carried=pins) as work, session_class(engines)() as session:
            assert from_django(1) == "new"
            assert read(session) == "new"
            assert reasons() == {Reason.CAUGHT_UP: 1, Reason.PINNED: 1}
            assert from_django(1) == "new"
            assert work.reads["default"][Reason.PINNED] == 2


@on_each_database
def test_a_savepoint_that_is_rolled_back_pins_nothing(pair_here: Pair, sessions: Any) -> None:
    with scope() as work, sessions() as session:
        with session.begin_nested() as savepoint:
            write(session, "never")
            savepoint.rollback()
        with session.begin_nested():
            pass
        session.commit()
        assert not work.has_unsaved_writes()
        with session.begin_nested():
            write(session, "new")
        session.commit()
        assert work.has_unsaved_writes()


def two_phases(engines: dict[str, Engine]) -> None:
    sessions = sessionmaker(class_=session_class(engines), twophase=True)
    with scope() as work, sessions() as session:
        write(session, "never")
        session.prepare()
        session.rollback()
        assert not work.has_unsaved_writes()
        assert read(session) == "old"
        write(session, "new")
        assert not work.has_unsaved_writes()
        session.commit()
        assert work.has_unsaved_writes()
        assert read(session) == "new"


@pytest.mark.parametrize("vendor", ["mariadb"], indirect=True)
def test_a_commit_in_two_phases_pins_on_mariadb(engines: dict[str, Engine]) -> None:
    two_phases(engines)


def test_a_commit_in_two_phases_pins_on_postgresql(pair_here: Pair, engine_of: Any) -> None:
    with Postgres.primary() as alone:
        alone.execute("ALTER SYSTEM SET max_prepared_transactions = 5")
        alone.stop()
        alone.start()
        alone.create_database(DATABASE)
        table = "CREATE TABLE notes_note AS SELECT 1 AS id, 'old'::text AS text"
        alone.execute(table, database=DATABASE)
        two_phases({"default": engine_of(alone), "replica1": engine_of(pair_here.replica)})


@on_each_database
def test_what_commits_by_itself_pins_at_once(
    pair_here: Pair, engines: dict[str, Engine], engine_of: Any
) -> None:
    engines["default"] = engine_of(pair_here.primary, isolation_level="AUTOCOMMIT")
    with scope() as work, session_class(engines)() as session:
        write(session, "new")
        assert work.has_unsaved_writes()
        assert from_django(1) == "new"
        assert reasons() == {Reason.WRITTEN: 1}
        session.rollback()
        assert work.has_unsaved_writes()


@on_each_database
def test_what_no_session_commits_pins_as_well(
    pair_here: Pair, engines: dict[str, Engine], sessions: Any
) -> None:
    with pair_here.paused(), scope() as work:
        with engines["default"].begin() as connection:
            connection.exec_driver_sql("UPDATE notes_note SET text = 'new'")
            assert not work.has_unsaved_writes()
        assert from_django(1) == "new"
        assert reasons() == {Reason.WRITTEN: 1}


@on_each_database
def test_errors_are_sqlalchemys(pair_here: Pair, sessions: Any) -> None:
    with scope() as work, sessions() as session:
        with pytest.raises(exc.IntegrityError) as caught:
            session.execute(text("INSERT INTO notes_note (id, text) VALUES (1, 'again')"))
        assert isinstance(caught.value.orig, session.bind.dialect.loaded_dbapi.Error)
        session.rollback()
        with pytest.raises(exc.ProgrammingError):
            session.execute(text("SELECT * FROM nowhere"))
        assert not work.has_unsaved_writes()


@on_each_database
def test_a_dead_replica_costs_a_read_on_the_primary(pair_here: Pair, sessions: Any) -> None:
    with scope(), sessions() as session:
        assert read(session) == "old"  # a connection is in the pool now
    pair_here.replica.kill()
    try:
        with scope(), sessions() as session:
            assert read(session) == "old"
            assert reasons() == {Reason.NO_REPLICA: 1}
    finally:
        pair_here.replica.start()
        pair_here.catch_up()


def test_a_connection_that_broke_in_the_pool_costs_a_read_on_the_primary(
    pair_here: Pair, sessions: Any
) -> None:
    with scope(), sessions() as session:
        assert read(session) == "old"
        (number,) = session.execute(text("SELECT pg_backend_pid()")).one()
    pair_here.replica.execute(f"SELECT pg_terminate_backend({number})")
    with scope(), sessions() as session:
        assert read(session) == "old"
        assert reasons() == {Reason.NO_REPLICA: 1}
    with scope(), sessions() as session:
        assert read(session) == "old"
        assert reasons() == {Reason.REPLICA: 1}


def test_engines_that_were_exchanged_are_noticed_by_the_first_write(
    pair_here: Pair, engines: dict[str, Engine]
) -> None:
    exchanged = {"default": engines["replica1"], "replica1": engines["default"]}
    with scope(), session_class(exchanged)() as session:
        with pytest.raises(NotAPrimaryError):
            write(session, "new")


@pytest.mark.parametrize("lasts", [False, True])
def test_a_replica_that_was_not_told_the_tenant_is_not_read(
    pair_here: Pair, sessions: Any, lasts: bool
) -> None:
    def tenant() -> str | None:
        return session.scalar(text("SELECT current_setting('app.tenant', true)")) or None

    is_local = "false" if lasts else "true"
    with scope(), sessions() as session:
        session.execute(text(f"SELECT set_config('app.tenant', 'acme', {is_local})"))
        with use_replica():
            assert tenant() == "acme"
        session.commit()
        assert tenant() == ("acme" if lasts else None)
        assert reasons().get(Reason.REPLICA, 0) == (0 if lasts else 1)
    with scope(), sessions() as session, use_replica():
        assert tenant() == ("acme" if lasts else None)


# Async


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_async_sessions_see_what_django_wrote_and_django_sees_theirs(
    pair_here: Pair, engines: Any, driver: str
) -> None:
    async def run() -> None:
        servers = {"default": pair_here.primary, "replica1": pair_here.replica}
        made = {
            alias: create_async_engine(url_of(server, f"postgresql+{driver}"))
            for alias, server in servers.items()
        }
        sessions = async_sessionmaker(sync_session_class=session_class(made))
        try:
            await both_ways(pair_here, sessions)
        finally:
            for engine in made.values():
                await engine.dispose()
            await sync_to_async(connections.close_all)()

    asyncio.run(run())


async def both_ways(pair: Pair, sessions: Any) -> None:
    async def aread() -> str:
        async with sessions() as session:
            return (await session.execute(select(Note.text).where(Note.id == 1))).scalar_one()

    async with scope():
        assert await aread() == "old"
        assert reasons() == {Reason.REPLICA: 1}
    pair.replica.pause_replay()
    async with scope():
        async with sessions() as session:
            (await session.get(Note, 1)).text = "new"
            await session.commit()
        pins = await sync_to_async(carried)()
        assert (await models.Note.objects.aget(pk=1)).text == "new"
        assert reasons()[Reason.WRITTEN] == 1
    async with scope(carried=pins):
        assert await aread() == "new"
        assert (await models.Note.objects.aget(pk=1)).text == "new"
        assert reasons() == {Reason.PINNED: 2}
    pair.replica.resume_replay()
    await sync_to_async(pair.catch_up)()
    async with scope(carried=pins):
        assert await aread() == "new"
        assert reasons() == {Reason.CAUGHT_UP: 1}
    async with scope() as work:
        async with sessions() as session:
            await session.execute(text("UPDATE notes_note SET text = 'never'"))
            await session.rollback()
        assert not work.has_unsaved_writes()
