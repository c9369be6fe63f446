"""What the command refuses, and what it tells of a history. Sites are in tests/live."""

import os
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from pinning.verify.formats import FORMATS
from pinning.verify.history import Kind, Operation, read_history, write_history

WITHOUT_HTTPX = """
import sys
sys.modules["httpx"] = None
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", *sys.argv[1:]])
"""


def did(kind, value, at, **more):
    facts = {"session": "browser 1", "client": "browser 1", "sent": at, "answered": at + 0.5}
    return Operation(kind=kind, value=value, **facts, **more)


WRITE = did(Kind.WRITE, 7, 0)
GOOD = did(Kind.READ, 7, 1, alias="replica1", reason="caught_up")
STALE = did(Kind.READ, 6, 1, alias="replica1", reason="caught_up")
PRIMARY = did(Kind.READ, 7, 1, alias="default", reason="pinned")


@pytest.fixture
def recheck(tmp_path):
    def recheck(*history):
        path = tmp_path / "history"
        write_history(path, history)
        call_command("pinning_verify", recheck=path)

    return recheck


def refusal(call, *arguments, **options):
    with pytest.raises(CommandError) as caught:
        call(*arguments, **options)
    return caught.value.returncode, str(caught.value)


def test_a_good_history_is_good(recheck, capsys):
    recheck(WRITE, GOOD)
    assert "Each saw it." in capsys.readouterr().out


def test_a_stale_read_exits_with_1(recheck, capsys):
    assert refusal(recheck, WRITE, GOOD, STALE) == (1, "Stale: 1 of 2 reads.")
    assert "browser 1 wrote 7" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("history", "words"),
    [
        ([], "The history is empty"),
        ([GOOD], "No write was acknowledged"),
        ([WRITE, PRIMARY], "This proves nothing: the primary served every read"),
    ],
)
def test_what_proves_nothing_exits_with_2(recheck, history, words):
    status, text = refusal(recheck, *history)
    assert status == 2
    assert words in text


@pytest.mark.parametrize("name", FORMATS)
def test_a_history_is_written_again_in_any_format(tmp_path, name):
    before, after = tmp_path / "before.gz", tmp_path / "after"
    write_history(before, [WRITE, GOOD])
    call_command("pinning_verify", recheck=before, history=after, format=name)
    assert after.read_text().splitlines() == list(FORMATS[name](read_history(before)))


def test_a_bad_history_is_written_all_the_same(tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    write_history(before, [WRITE, STALE])
    refusal(call_command, "pinning_verify", recheck=before, history=after, format="plume")
    assert after.read_text() == "w(0,7,0,1)\nr(0,6,0,2)\n"


def test_a_broken_history_exits_with_2(tmp_path):
    path = tmp_path / "history"
    path.write_text("read\n")
    status, text = refusal(call_command, "pinning_verify", recheck=path)
    assert (status, "line 1: no JSON" in text) == (2, True)


def test_a_missing_history_exits_with_2(tmp_path):
    path = tmp_path / "history"
    assert refusal(call_command, "pinning_verify", recheck=path)[0] == 2


@pytest.mark.parametrize("arguments", [[], ["http://127.0.0.1:9", "--recheck", "history"]])
def test_a_site_or_a_file_is_needed(arguments):
    assert refusal(call_command, "pinning_verify", *arguments)[0] == 2


@pytest.mark.parametrize("url", ["www.example.com/verify", "localhost:8000/verify", "http:///"])
def test_an_address_has_to_be_whole(url):
    status, text = refusal(call_command, "pinning_verify", url)
    assert (status, text) == (2, f"{url} must begin with http:// or https:// and a host.")


@pytest.mark.parametrize(
    "arguments",
    [["--users", "0"], ["--users", "1e3"], ["--seconds", "nan"], ["--requests", "99999999999"]],
)
def test_everything_is_bounded(arguments):
    with pytest.raises(CommandError, match="Error: argument"):
        call_command("pinning_verify", "http://127.0.0.1:9", *arguments)


@pytest.fixture
def without_httpx():
    """Runs a command in a process that has no httpx."""

    def run(*arguments):
        command = [sys.executable, "-c", WITHOUT_HTTPX, *arguments, "--settings", "tests.settings"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def test_without_httpx_no_site_is_visited(without_httpx):
    done = without_httpx("pinning_verify", "http://127.0.0.1:9")
    assert done.returncode == 2
    assert done.stderr == "CommandError: Visits need httpx: pip install django-pinning[verify]\n"


def test_what_the_site_includes_does_not_import_httpx():
    program = (
        "import sys, django; django.setup(); import pinning.verify.urls; "
        "assert 'pinning.verify.passes' in sys.modules; assert 'httpx' not in sys.modules"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


def test_without_httpx_a_history_is_judged(without_httpx, tmp_path):
    write_history(tmp_path / "history", [WRITE, GOOD])
    done = without_httpx("pinning_verify", "--recheck", str(tmp_path / "history"))
    assert (done.returncode, "Each saw it." in done.stdout) == (0, True)
