"""SQLAlchemy's sessions read and write as Django does, on SQLite: its replica is another file."""

import asyncio
import re
import sqlite3
from contextlib import closing

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from sqlalchemy import (
    create_engine,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import sessionmaker

from pinning import Reason, Write, scope, unpinned, use_primary, use_replica
from pinning.contrib.sqlalchemy import session_class
from pinning.exceptions import ReadOnlyClusterError
from pinning.pins import Pin, Pins
from tests.notes import models
from tests.notes.mapped import Note, Tag

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "replica1"])

SCHEMA = """
CREATE TABLE notes_note (id integer primary key, text text, author_id integer);
CREATE TABLE notes_tag (id integer primary key, name text);
CREATE TABLE notes_attachment (id integer primary key, name text, note_id integer);
INSERT INTO notes_note (id, text) VALUES (1, 'on the replica');
"""


@pytest.fixture
def urls(tmp_path):
    """By alias. Both files have a note 1 with another text."""
    models.Note.objects.create(pk=1, text="on the primary")
    replica = tmp_path / "replica.sqlite3"
    with sqlite3.connect(replica) as own:
        own.executescript(SCHEMA)
    own.close()
    return {"default": str(connection.settings_dict["NAME"]), "replica1": str(replica)}


@pytest.fixture
def engines(urls):
    made = {alias: create_engine(f"sqlite:///{url}") for alias, url in urls.items()}
    yield made
    for engine in made.values():
        engine.dispose()


@pytest.fixture
def sessions(engines):
    return sessionmaker(class_=session_class(engines))


@pytest.fixture
def session(sessions):
    with sessions() as session:
        yield session


def read(session):
    return session.execute(select(Note.text).where(Note.id == 1)).scalar_one()


def reads(work):
    return work.reads.get("default", {})


PRIMARY, REPLICA = "on the primary", "on the replica"


def test_a_read_goes_to_the_replica_and_is_counted(session):
    with scope() as work:
        assert read(session) == REPLICA
        assert session.get(Note, 1).text == REPLICA
        assert session.scalars(select(Note)).one().text == REPLICA
        assert session.query(Note).count() == 1
        assert session.execute(text("SELECT text FROM notes_note")).scalar() == REPLICA
    assert reads(work) == {Reason.REPLICA: 5}


def test_without_a_scope_the_primary_answers(session):
    assert read(session) == PRIMARY


def test_overrides_hold(session):
    with scope() as work, use_primary():
        assert read(session) == PRIMARY
    assert reads(work) == {Reason.USE_PRIMARY: 1}
    session.rollback()
    with use_replica():
        assert read(session) == REPLICA


@pytest.mark.parametrize(
    ("value", "reason"), [(False, Reason.SWITCHED_OFF), ("shadow", Reason.REPLICA)]
)
def test_where_use_replicas_is_off_the_primary_answers(session, settings, value, reason):
    settings.PINNING = {**settings.PINNING, "USE_REPLICAS": value}
    with scope() as work:
        assert read(session) == PRIMARY
    assert reads(work) == {reason: 1}


def test_a_pin_of_django_s_holds_for_sqlalchemy(session):
    with scope() as work:
        work.receive(Pins([Pin(cluster="default", written_at=2e9)]))
        assert read(session) == PRIMARY
    assert reads(work) == {Reason.PINNED: 1}


def test_what_django_has_written_sqlalchemy_reads_from_the_primary(session):
    with scope() as work:
        assert read(session) == REPLICA
        models.Note.objects.filter(pk=1).update(text="new")
        assert read(session) == "new"
    assert reads(work) == {Reason.REPLICA: 1, Reason.WRITTEN: 1}


def test_what_sqlalchemy_has_written_django_reads_from_the_primary(session):
    with scope() as work:
        session.add(Note(id=2, text="new"))
        session.commit()
        assert models.Note.objects.get(pk=2)._state.db == "default"
        assert work.has_unsaved_writes()
    assert reads(work) == {Reason.WRITTEN: 1}
    assert work.writes == {Write("notes.Note", "default", "INSERT", True): 1}


WRITES = {
    "flush": lambda session: session.add(Tag(name="new")) or session.flush(),
    "insert": lambda session: session.execute(insert(Tag).values(name="new")),
    "many": lambda session: session.execute(insert(Tag), [{"name": "a"}, {"name": "b"}]),
    "bulk": lambda session: session.bulk_insert_mappings(Tag, [{"name": "a"}]),
    "update": lambda session: session.execute(update(Note).values(text="new")),
    "query": lambda session: session.query(Note).update({"text": "new"}),
    "delete": lambda session: session.execute(delete(Note)),
    "text": lambda session: session.execute(text("UPDATE notes_note SET text = 'new'")),
    "scalars": lambda session: session.scalars(text("DELETE FROM notes_note RETURNING id")).all(),
    "returning": lambda session: session.scalar(insert(Tag).values(name="new").returning(Tag.id)),
    "driver": lambda session: session.connection().exec_driver_sql("DELETE FROM notes_note"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_write_goes_to_the_primary_and_pins_once_it_is_committed(session, write, urls):
    with scope() as work:
        assert read(session) == REPLICA
        write(session)
        assert not work.has_unsaved_writes()
        assert session.execute(select(func.count(Tag.id))).scalar() is not None
        session.rollback()
        assert read(session) == REPLICA
        session.commit()
        assert not work.has_unsaved_writes()
        write(session)
        session.commit()
        assert work.has_unsaved_writes()
    assert reads(work) == {Reason.REPLICA: 2, Reason.TRANSACTION: 1}
    with closing(sqlite3.connect(urls["replica1"])) as replica:
        assert replica.execute("SELECT text FROM notes_note").fetchall() == [(REPLICA,)]


def test_what_is_closed_uncommitted_pins_nothing(sessions):
    with scope() as work:
        with sessions() as session:
            session.add(Tag(name="new"))
            session.flush()
        with sessions() as session:
            assert read(session) == REPLICA
            session.commit()
    assert not work.has_unsaved_writes()


def test_a_write_is_counted_once_however_often_a_class_is_made(engines):
    session_class(engines)
    with scope() as work, session_class(engines)() as session:
        session.execute(insert(Tag).values(name="new"))
        session.commit()
    assert work.writes == {Write("notes.Tag", "default", "INSERT", True): 1}


def test_a_refused_write_pins_nothing_and_binds_the_scope(session):
    models.Tag.objects.create(name="there")
    with scope() as work:
        with pytest.raises(IntegrityError) as caught:
            session.execute(insert(Tag).values(name="there"))
        assert isinstance(caught.value.orig, sqlite3.IntegrityError)
        session.rollback()
        assert read(session) == PRIMARY
        session.commit()
    assert reads(work) == {Reason.LOCKED: 1}
    assert not work.has_unsaved_writes()


def test_a_rolled_back_savepoint_pins_nothing(session):
    with scope() as work:
        with session.begin_nested() as savepoint:
            session.add(Tag(name="never"))
            session.flush()
            savepoint.rollback()
        session.commit()
    assert not work.has_unsaved_writes()
    assert models.Tag.objects.count() == 0


ON_PRIMARY = {
    "unknown": select(func.archive_notes()),
    "writes within": text("WITH a AS (DELETE FROM notes_tag RETURNING id) SELECT * FROM a"),
    "two": text("SELECT 1; DELETE FROM notes_tag"),
    "setting": text("PRAGMA foreign_keys = on"),
    "explain": text("EXPLAIN ANALYZE DELETE FROM notes_tag"),
    "nothing": text(""),
    "unclear": text("SELECT 'a\\'; DELETE FROM notes_tag; --'"),
    "function": func.now(),
    "dml": insert(Tag).values(name="new").returning(Tag.id),
    "none": None,
}


def test_what_may_do_more_than_read_goes_to_the_primary(session, engines):
    with scope() as work:
        found = {name: session.get_bind(clause=each) for name, each in ON_PRIMARY.items()}
    assert found == dict.fromkeys(ON_PRIMARY, engines["default"])
    assert reads(work) == {}


ON_REPLICA = {
    "with": select(select(Note.id).cte("some").c.id),
    "union": select(Note.id).union(select(Tag.id)),
    "in": select(Note).where(Note.id.in_([1, 2])),
    "known functions": select(func.max(Note.id), func.lower(Note.text)).group_by(Note.text),
    "text": text("SELECT text FROM notes_note WHERE id = :id -- a comment"),
}


def test_what_surely_reads_goes_to_the_replica(session, engines):
    with scope():
        found = {name: session.get_bind(clause=each).engine for name, each in ON_REPLICA.items()}
    assert found == dict.fromkeys(ON_REPLICA, engines["replica1"])


def test_a_connection_of_the_session_is_the_primary_s(session, engines):
    with scope():
        assert session.connection().engine is engines["default"]


def test_an_engine_that_the_code_names_is_taken(session, engines):
    with scope() as work:
        named = {"bind": engines["replica1"]}
        assert session.scalar(select(Note.text), bind_arguments=named) == REPLICA
        assert read(session) == REPLICA
        assert session.scalar(select(func.count(Note.id)), bind_arguments={}) == 1
    assert reads(work) == {Reason.REPLICA: 2}


def test_a_session_of_another_database_is_left_alone(sessions):
    other = create_engine("sqlite://")
    with scope() as work, sessions(bind=other) as session:
        assert session.scalar(text("SELECT 1")) == 1
        with other.connect() as own, sessions(bind=own) as joined:
            assert joined.get_bind(clause=text("SELECT 1")) is own
    other.dispose()
    assert work.reads == {}


def test_primary_models_are_read_from_the_primary(session, settings):
    settings.PINNING = {**settings.PINNING, "PRIMARY_MODELS": ["notes.Tag"]}
    with scope() as work:
        assert read(session) == REPLICA
        session.execute(select(Note.id).where(Note.id.in_(select(Tag.id))))
        session.rollback()
        session.execute(text("SELECT * FROM notes_tag"))
    assert reads(work) == {Reason.REPLICA: 1, Reason.PRIMARY_MODEL: 2}


def test_a_read_only_cluster_is_not_written(session, settings):
    settings.PINNING = {**settings.PINNING, "READ_ONLY": ["default"]}
    with scope(), pytest.raises(ReadOnlyClusterError):
        session.execute(insert(Tag).values(name="new"))
    session.rollback()
    assert models.Tag.objects.count() == 0


def test_what_is_unpinned_pins_nobody_and_is_seen_in_the_scope(session):
    with scope() as work:
        with unpinned():
            session.execute(update(Note).values(text="new"))
        session.commit()
        assert read(session) == "new"
    assert reads(work) == {Reason.WRITTEN: 1}
    assert not work.has_unsaved_writes()


def test_a_transaction_of_django_s_binds_the_session(session):
    with scope() as work:
        with transaction.atomic():
            assert read(session) == PRIMARY
        session.rollback()
        assert read(session) == REPLICA
    assert reads(work) == {Reason.TRANSACTION: 1, Reason.REPLICA: 1}


def test_a_two_phase_session_stays_on_the_primary(engines):
    with scope(), session_class(engines)(twophase=True) as session:
        assert session.get_bind(clause=select(Note.text)) is engines["default"]


# What is loaded to be changed


def test_children_of_what_is_deleted_are_looked_for_on_the_primary(session):
    models.Attachment.objects.create(note_id=1, name="on the primary alone")
    with scope() as work:
        session.delete(session.get(Note, 1))
        session.commit()
    assert models.Attachment.objects.count() == 0
    assert set(reads(work)) == {Reason.REPLICA, Reason.USE_PRIMARY}


def test_what_is_merged_is_looked_for_on_the_primary(session):
    models.Tag.objects.create(pk=5, name="on the primary alone")
    with scope():
        session.merge(Tag(id=5, name="new"))
        session.commit()
    assert models.Tag.objects.get().name == "new"


def test_objects_that_an_update_changes_are_looked_for_on_the_primary(session, engines):
    engines["default"].dialect.update_returning = False
    models.Note.objects.create(pk=2, text="on the primary alone")
    with scope():
        with use_primary():
            note = session.get(Note, 2)
        session.commit()
        assert note in session
        change = update(Note).where(Note.id == 2).values(text="new")
        session.execute(change, execution_options={"synchronize_session": "fetch"})
        assert note.text == "new"


# Connections


def test_no_connection_is_left_in_use(session, engines):
    pool = engines["replica1"].pool
    with scope():
        for end in (session.commit, session.rollback, session.close):
            assert read(session) == REPLICA
            assert pool.checkedout() == 1
            end()
            assert pool.checkedout() == 0
        session.get_bind(clause=select(Note.text))
        session.close()
        assert pool.checkedout() == 0


def test_a_replica_that_does_not_answer_costs_a_read_on_the_primary(engines, caplog, tmp_path):
    engines["replica1"] = create_engine(f"sqlite:///{tmp_path}/no/folder")
    with scope() as work, session_class(engines)() as session:
        assert read(session) == PRIMARY
        session.rollback()
        assert read(session) == PRIMARY
        assert models.Note.objects.get(pk=1).text == PRIMARY
    assert reads(work) == {Reason.NO_REPLICA: 3}
    assert len(re.findall("SQLAlchemy cannot connect to 'replica1'", caplog.text)) == 1


# Async


def run(urls, act):
    """Run ``act`` with a maker of async sessions."""

    async def main():
        made = {
            alias: create_async_engine(f"sqlite+aiosqlite:///{url}") for alias, url in urls.items()
        }
        try:
            await act(async_sessionmaker(sync_session_class=session_class(made)))
        finally:
            for engine in made.values():
                await engine.dispose()

    async_to_sync(main)()


async def aread(session):
    return (await session.execute(select(Note.text).where(Note.id == 1))).scalar_one()


def test_async_sessions_read_and_write_as_sync_ones(urls):
    async def act(sessions):
        async with scope() as work, sessions() as session:
            assert await aread(session) == REPLICA
            await session.execute(update(Note).values(text="new"))
            assert not work.has_unsaved_writes()
            await session.commit()
            assert await aread(session) == "new"
            assert (await models.Note.objects.aget(pk=1)).text == "new"
        assert reads(work) == {Reason.REPLICA: 1, Reason.WRITTEN: 2}

    run(urls, act)


def test_async_sessions_stay_where_django_s_pins_keep_them(urls):
    async def act(sessions):
        async with scope() as work, sessions() as session:
            work.receive(Pins([Pin(cluster="default", written_at=2e9)]))
            assert await aread(session) == PRIMARY
        assert reads(work) == {Reason.PINNED: 1}
        async with sessions() as session:
            assert await aread(session) == PRIMARY

    run(urls, act)


def test_tasks_of_one_scope_have_sessions_of_their_own(urls):
    async def act(sessions):
        async def one():
            async with sessions() as session:
                return await aread(session)

        async with scope() as work:
            assert await asyncio.gather(*(one() for _ in range(5))) == [REPLICA] * 5
        assert reads(work) == {Reason.REPLICA: 5}

    run(urls, act)


def test_a_sync_session_on_an_event_loop_reads_from_the_primary(session):
    async def on_loop():
        with scope() as work:
            assert read(session) == PRIMARY
        assert reads(work) == {Reason.EVENT_LOOP: 1}

    async_to_sync(on_loop)()


# Engines


def test_async_engines_and_sync_ones_are_taken(urls, engines):
    made = session_class({alias: create_async_engine("sqlite+aiosqlite://") for alias in urls})
    assert all(engine.dialect.is_async for engine in made.engines.values())
    assert session_class(engines).engines == engines


@pytest.mark.parametrize(
    ("aliases", "told"),
    [
        (["default"], "no engine for 'replica1'"),
        (["replica1"], "no engine for 'default'"),
        ([], "no engine for 'default'"),
        (["default", "replica1", "elsewhere"], "'elsewhere', which PINNING['REPLICAS'] does not"),
        (["default", "replica1", "orders"], "no engine for 'orders1'"),
    ],
)
def test_engines_that_do_not_fit_are_an_error_at_once(settings, aliases, told):
    replicas = {"default": ["replica1"], "orders": ["orders1"]}
    settings.PINNING = {**settings.PINNING, "REPLICAS": replicas}
    with pytest.raises(ImproperlyConfigured, match=re.escape(told)):
        session_class({alias: create_engine("sqlite://") for alias in aliases})


def test_wrong_settings_are_an_error_at_once(settings):
    settings.PINNING = {"REPLICAS": {"default": ["nowhere"]}}
    with pytest.raises(ImproperlyConfigured, match="nowhere"):
        session_class({"default": create_engine("sqlite://")})


@pytest.mark.django_db(transaction=True, databases=["default", "replica1", "orders", "orders1"])
def test_of_several_clusters_each_reads_from_its_own_replicas(urls, engines, settings, tmp_path):
    replicas = {"default": ["replica1"], "orders": ["orders1"]}
    settings.PINNING = {**settings.PINNING, "REPLICAS": replicas}
    for alias in ("orders", "orders1"):
        with sqlite3.connect(tmp_path / alias) as own:
            own.executescript(SCHEMA + f"INSERT INTO notes_tag (name) VALUES ('{alias}')")
        own.close()
        engines[alias] = create_engine(f"sqlite:///{tmp_path / alias}")
    with scope() as work, session_class(engines)(binds={Tag: engines["orders"]}) as session:
        assert session.scalar(select(Tag.name)) == "orders1"
        assert read(session) == REPLICA
        session.add(Tag(name="new"))
        session.commit()
        assert session.scalars(select(Tag.name)).all() == ["orders", "new"]
        assert read(session) == REPLICA
    assert work.reads == {
        "orders": {Reason.REPLICA: 1, Reason.WRITTEN: 1},
        "default": {Reason.REPLICA: 2},
    }
