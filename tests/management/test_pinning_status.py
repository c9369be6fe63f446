"""The command's options and exit codes. tests/live/test_diagnosis.py runs it on real servers."""

import json
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from pinning.pins import Pins
from pinning.pins.stores import Loaded, Store

pytestmark = pytest.mark.django_db(databases=["default", "orders"])


class DownStore(Store):
    """A server that cannot be reached."""

    def load(self, visitor):
        raise OSError("no\nroute")

    def save(self, visitor, pins, exchange):
        pass


class YoungStore(DownStore):
    """One that was emptied."""

    def load(self, visitor):
        return Loaded(Pins(), is_complete=False)


def use(settings, store):
    settings.PINNING = {"REPLICAS": {"default": ["replica1"]}, "STORES": [f"{__name__}.{store}"]}


def test_all_is_well(capsys):
    call_command("pinning_status")
    assert capsys.readouterr().out.endswith("\n\nNothing is wrong.\n")


@pytest.mark.parametrize(
    ("switch", "told"), [("shadow", "'shadow'"), (False, "False"), (True, None), (bool, None)]
)
def test_that_no_replica_serves_is_told(settings, capsys, switch, told):
    settings.PINNING = {**settings.PINNING, "USE_REPLICAS": switch}
    call_command("pinning_status")
    out = capsys.readouterr().out
    assert ("the primary serves all reads" in out) is (told is not None)
    assert told is None or f"USE_REPLICAS is {told}" in out


def test_a_finding_ends_the_process_with_1(settings, capsys):
    use(settings, "DownStore")
    with pytest.raises(SystemExit) as ended:
        call_command("pinning_status")
    assert ended.value.code == 1
    assert "does not answer: OSError: no route\n  See whether" in capsys.readouterr().out


def test_what_is_silenced_is_not_told(settings, capsys):
    use(settings, "DownStore")
    settings.SILENCED_SYSTEM_CHECKS = ["pinning.W032"]
    call_command("pinning_status")
    assert capsys.readouterr().out.endswith("\n\nNothing is wrong.\n")


@pytest.mark.parametrize(("store", "id_"), [("DownStore", "W032"), ("YoungStore", "W033")])
def test_json(settings, capsys, store, id_):
    use(settings, store)
    with pytest.raises(SystemExit):
        call_command("pinning_status", json=True)
    values = json.loads(capsys.readouterr().out)
    assert [found["id"] for found in values["findings"]] == [f"pinning.{id_}"]
    assert not values["is_well"]
    assert values["aliases"]["replica1"]["is_asked"] is False  # a file


def test_no_sql_is_needed_here(capsys):
    call_command("pinning_status", sql=True)
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "Nothing has to be run.\n")


@pytest.mark.parametrize(
    ("pinning", "told"),
    [
        ({"WINDOWS": 5}, "pinning.E002"),
        ({"REPLICAS": {"default": ["nowhere"]}}, "pinning.E013"),
        ({"STORES": ["nowhere.Store"]}, "nowhere"),
    ],
)
def test_wrong_settings_end_it_with_2(settings, pinning, told):
    settings.PINNING = pinning
    with pytest.raises(CommandError, match=told) as error:
        call_command("pinning_status")
    assert error.value.returncode == 2


def test_so_do_options_that_do_not_go_together():
    program = [sys.executable, "-m", "django", "pinning_status", "--json", "--sql"]
    ended = subprocess.run(
        [*program, "--settings", "tests.settings"], capture_output=True, check=False
    )
    assert ended.returncode == 2
    assert b"not allowed with" in ended.stderr


def test_what_is_read_only_and_what_is_in_no_cluster(settings, capsys):
    settings.PINNING = {
        **settings.PINNING,
        "REPLICAS": {"default": ["replica1"], "orders": []},
        "READ_ONLY": ["orders"],
    }
    call_command("pinning_status")
    told = capsys.readouterr().out
    assert "\norders    -       not asked, read-only  " in told
    assert "pinning leaves them alone: replica2, elsewhere, orders1." in told
    call_command("pinning_status", json=True)
    values = json.loads(capsys.readouterr().out)
    assert values["aliases"]["orders"]["is_read_only"] is True
    assert values["aliases"]["default"]["is_read_only"] is False
    assert values["others"] == ["replica2", "elsewhere", "orders1"]
