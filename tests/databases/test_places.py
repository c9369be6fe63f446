"""A project that gives each tenant a database: it changes ``settings_dict`` and connects anew."""

import sqlite3
from contextlib import closing

import pytest
from django.db import connections

from pinning import read_connection, scope, source_of
from pinning.databases import places
from pinning.databases.places import lead_alike
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "replica1"])

BOTH = ("default", "replica1")


@pytest.fixture
def switch(tmp_path):
    """Leads aliases to the database of tenant two. Theirs was that of tenant one."""
    Note.objects.create(text="of one")
    before = {alias: connections[alias].settings_dict["NAME"] for alias in BOTH}
    two = str(tmp_path / "two.sqlite3")
    with (
        closing(sqlite3.connect(before["default"])) as source,
        closing(sqlite3.connect(two)) as target,
    ):
        source.backup(target)
        target.execute("UPDATE notes_note SET text = 'of two'")
        target.commit()

    def lead(aliases, name=two):
        for alias in aliases:
            connections[alias].settings_dict["NAME"] = name
            connections[alias].close()

    yield lead
    for alias, name in before.items():
        lead([alias], name)


def notes():
    """What is read, and from where. It is read twice: the first read may be moved as it runs."""
    first = [note.text for note in Note.objects.all()]
    assert first == [note.text for note in Note.objects.all()]
    return [(source_of(note), note.text) for note in Note.objects.all()]


def test_a_primary_that_leads_to_another_tenant_answers(switch):
    with scope():
        assert notes() == [("replica1", "of one")]
    switch(["default"])
    with scope():
        assert notes() == [("default", "of two")]
    with scope():
        assert read_connection().alias == "default"


def test_within_a_scope_too(switch):
    with scope():
        assert notes() == [("replica1", "of one")]
        switch(["default"])
        assert notes() == [("default", "of two")]


def test_a_replica_that_leads_there_as_well_is_read(switch):
    switch(BOTH)
    with scope():
        assert notes() == [("replica1", "of two")]


def test_a_replica_that_alone_leads_there_is_not_read(switch):
    switch(["replica1"])
    with scope():
        assert notes() == [("default", "of one")]


def test_a_replica_whose_user_is_another_from_the_start_is_alike(monkeypatch):
    """Also while a test runner gives both the name of a test database."""
    primary, replica = (connections[alias] for alias in BOTH)
    for each, user in ((primary, "app"), (replica, "app_ro")):
        monkeypatch.setitem(each.settings_dict, "USER", user)
    known = {each.alias: places._kept(each.settings_dict) for each in (primary, replica)}
    monkeypatch.setattr(places, "known_places", lambda: known)
    for each in (primary, replica):
        monkeypatch.setitem(each.settings_dict, "NAME", "test_app")
    assert lead_alike(replica, primary)
    monkeypatch.setitem(primary.settings_dict, "USER", "tenant_two")
    assert not lead_alike(replica, primary)


@pytest.mark.parametrize("option", ["options", "service", "dbname", "assume_role"])
def test_an_option_that_leads_elsewhere_counts(monkeypatch, option):
    primary, replica = (connections[alias] for alias in BOTH)
    assert lead_alike(replica, primary)
    monkeypatch.setitem(primary.settings_dict, "OPTIONS", {option: "two"})
    assert not lead_alike(replica, primary)
