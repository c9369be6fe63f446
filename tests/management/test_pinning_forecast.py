"""The command: a table for people, JSON, and errors that say what to do."""

import json
from io import StringIO

import pytest
from django.core.cache import caches
from django.core.management import CommandError, call_command
from django.test import override_settings

from pinning.shadow.counts import Counts
from pinning.shadow.shared import Shared
from tests.shadow.conftest import SHADOW
from tests.shadow.test_forecast import PAGES, write
from tests.shadow.test_shared import BROKEN


@pytest.fixture(autouse=True)
def counted():
    caches["default"].clear()
    with override_settings(PINNING=SHADOW):
        yield
    caches["default"].clear()


def counts() -> None:
    found = Counts()
    sample = {("compared", "a.A"): 1000, ("stale", "a.A"): 5}
    found.add({**PAGES, **write("notes.Hit", 30), **sample}.items())
    Shared().save(found)


def printed(*options: str) -> str:
    out = StringIO()
    call_command("pinning_forecast", *options, stdout=out)
    return out.getvalue()


def test_people_get_tables_and_advice():
    counts()
    lines = printed().splitlines()
    assert "1 processes have counted 2,000 reads" in lines[0]
    assert [" ".join(line.split()) for line in lines[2:5]] == [
        "view reads WAIT 0 WAIT 0.005 WAIT 0.02 WAIT 0.05 the rest is mostly",
        "all 2,000 82% 82% 90% 92% pinned",
        "board 1,000 65% 65% 81% 85% pinned",
    ]
    assert ["notes.Hit", "100%", "100%", "100%", "search"] in [line.split() for line in lines]
    assert "Of 1,000 reads that were compared, 5 would have been late." in lines
    assert lines[-2].startswith("- Pages that only show write notes.Hit")
    assert lines[-1].startswith('- Set "WAIT": 0.05')


def test_programs_get_json():
    counts()
    told = json.loads(printed("--json"))
    assert told["processes"] == 1
    assert told["total"]["shares"]["0"] == 0.825
    assert told["views"]["board"]["reasons"] == {"pinned": 200, "unsafe_method": 150}
    assert told["tables"][0]["model"] == "notes.Hit"
    assert told["sample"] == [{"model": "a.A", "compared": 1000, "stale": 5}]
    assert len(told["advice"]) == 2


def test_nothing_counted_is_an_error_that_says_what_to_do():
    with pytest.raises(CommandError, match='Set USE_REPLICAS to "shadow"'):
        printed()


def test_all_begin_anew():
    counts()
    printed("--clear")
    with pytest.raises(CommandError, match="Nothing was counted"):
        printed()


def test_a_cache_that_is_down_is_an_error():
    with (
        override_settings(CACHES=BROKEN),
        pytest.raises(CommandError, match="ConnectionError: refused") as failed,
    ):
        printed()
    assert failed.value.returncode == 2


def test_wrong_settings_are_an_error():
    with (
        override_settings(PINNING={"USE_REPLICAS": "maybe"}),
        pytest.raises(CommandError, match=r"pinning\.E011") as failed,
    ):
        printed()
    assert failed.value.returncode == 2
