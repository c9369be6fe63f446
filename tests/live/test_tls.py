"""Databases that are reached by TLS alone, with certificates on both sides."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from pinning import Reason, carried, scope, source_of, wait_for_replica
from pinning.health import monitor
from pinning.health.status import replica
from tests.live.conftest import on_postgresql_and_mariadb
from tests.live.site.by_tls import by_tls
from tests.live.site.certificates import Authority
from tests.live.site.clients import soon
from tests.live.site.pair import Pair
from tests.notes.models import Note


@pytest.fixture
def encrypted(pair: Pair, here: Callable[[Any], None]) -> Iterator[Pair]:
    """The pair in this process, which nobody reaches there without a certificate."""
    with by_tls(pair) as (primary, replica1):
        here(replace(pair, primary=primary, replica=replica1))
        yield pair
        connections.close_all()


def write() -> str:
    """What a user carries who has just written."""
    with scope():
        Note.objects.create(text="mine")
        return carried()


def source() -> str:
    with scope():
        return source_of(Note.objects.first())


@on_postgresql_and_mariadb
def test_positions_probes_and_reruns_come_by_tls(encrypted: Pair, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(monitor, "is_under_test", lambda: False)
    assert soon(lambda: is_caught_up(write()))
    watcher = replica("replica1").watcher
    asked = watcher.answered_at
    assert asked > 0
    encrypted.replica.freeze()
    try:
        assert reruns_of_a_read() == {"default": 1}  # its wait was ended from outside
    finally:
        encrypted.replica.thaw()
    assert soon(lambda: source() == "replica1")
    encrypted.replica.kill()
    assert reruns_of_a_read() == {"default": 1}
    assert source() == "default"
    encrypted.replica.start()
    assert soon(lambda: source() == "replica1")
    assert watcher.answered_at > asked


def reruns_of_a_read() -> dict[str, int]:
    with scope() as work:
        assert Note.objects.exists()
    return work.reruns


def is_caught_up(carried_text: str) -> bool:
    with scope(carried=carried_text) as work, wait_for_replica(30):
        assert Note.objects.filter(text="mine").exists()
    return work.reads == {"default": {Reason.CAUGHT_UP: 1}}


def test_a_replica_that_is_not_trusted_costs_nobody_an_answer(encrypted: Pair, tmp_path: Path):
    """Its certificate is signed by another authority than the site's OPTIONS name."""
    stranger = Authority().certify("stranger", tmp_path)
    settings = connections.settings["replica1"]
    settings["OPTIONS"] = {**settings["OPTIONS"], "sslrootcert": str(stranger.authority)}
    with scope(carried=write()):
        assert Note.objects.exists()
    with scope() as work:
        assert source_of(Note.objects.first()) == "default"
    assert work.reads == {"default": {Reason.NO_REPLICA: 1}}
