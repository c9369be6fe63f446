"""Servers of other versions are found, started and told of; fetching them is not tried here."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.page import results, tables
from engines import catalogue, debian, run
from engines.catalogue import ENGINES, PROGRAMS, Engine

CASES = "<testcase/>" * 9
SUITE = f"""<testsuite skipped="2" failures="1" errors="1">{CASES}</testsuite>"""
REPORT = f"<testsuites>{SUITE}</testsuites>"


def program(path: Path, text: str = '#!/bin/sh\necho "$0 (PostgreSQL) 17.10"\n') -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    return Engine("one", "PostgreSQL", "a wheel", lambda folder: None)


def test_what_was_not_fetched_is_not_there(engine: Engine):
    assert engine.program is None
    assert engine.environment() == {}


def test_what_was_fetched_is_found_wherever_it_lies(engine: Engine):
    found = program(engine.folder / "some" / "pginstall" / "bin" / "postgres")
    assert engine.program == found
    assert engine.environment() == {"PINNING_TEST_POSTGRES": str(found.parent)}
    assert engine.version() == "17.10"


def test_a_server_and_its_tools_may_lie_in_two_folders(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    engine = Engine("two", "MariaDB", "Debian", lambda folder: None)
    found = program(engine.folder / "root" / "usr" / "sbin" / "mariadbd")
    program(engine.folder / "root" / "usr" / "bin" / "mariadb-install-db")
    chosen = f"{found.parent}{os.pathsep}{found.parents[1] / 'bin'}"
    assert engine.environment() == {"PINNING_TEST_MARIADB": chosen}


@pytest.mark.parametrize("engine", ENGINES.values(), ids=lambda engine: engine.name)
def test_every_engine_of_the_catalogue_has_a_program(engine: Engine):
    assert engine.product in PROGRAMS
    assert engine.name == engine.folder.name


def test_a_program_of_another_system_is_started_by_its_own_linker(tmp_path: Path):
    linkers = [*Path("/usr").glob("lib*/ld-linux*.so.*"), *Path("/").glob("lib*/ld-linux*.so.*")]
    if not linkers:
        pytest.skip("This system has another linker.")
    (tmp_path / "usr" / "lib64").mkdir(parents=True)
    (tmp_path / "usr" / "bin").mkdir()
    (tmp_path / "usr" / "lib").mkdir()
    for libraries in Path("/usr/lib").glob("*-linux-gnu"):
        (tmp_path / "usr" / "lib" / libraries.name).symlink_to(libraries)
    (tmp_path / "usr" / "lib64" / linkers[0].name).symlink_to(linkers[0].resolve())
    shutil.copy(shutil.which("echo") or "/bin/echo", tmp_path / "usr" / "bin" / "echo")
    script = program(tmp_path / "usr" / "bin" / "script")
    debian.wrap(tmp_path)
    said = subprocess.run([tmp_path / "usr" / "bin" / "echo", "a", "b c"], capture_output=True)
    assert said.stdout == b"a b c\n"
    assert script.read_text().startswith("#!/bin/sh\necho")


def test_what_passed_and_failed_is_counted(tmp_path: Path):
    (tmp_path / "report.xml").write_text(REPORT)
    counts = run.counted(tmp_path / "report.xml")
    assert counts == {"passed": 5, "skipped": 2, "failed": 2}


def found(version: str, **more: object) -> dict[str, object]:
    proof = {"pairs": 20_123, "writes": 7, "stale": 0, "failed": 0, "faults": ["one", "two"]}
    return {
        "name": f"postgresql-{version}",
        "engine": "PostgreSQL",
        "version": version,
        "source": "a wheel",
        "date": "2026-11-29",
        "driver": "psycopg 3.3",
        "live": {"passed": 9, "skipped": 1, "failed": 0},
        "teeth": {"passed": 30, "skipped": 0, "failed": 0},
        "proof": proof,
        **more,
    }


def test_the_last_run_of_an_engine_is_kept_in_the_order_of_versions(tmp_path: Path):
    for version in ("17.10", "9.6", "17.10"):
        run.keep(found(version), tmp_path)
    part = results.load(tmp_path, run.PART)
    assert part is not None
    assert [each["version"] for each in part["engines"]] == ["9.6", "17.10"]


def test_a_part_that_was_not_run_again_keeps_its_day(tmp_path: Path):
    run.keep(found("18.6"), tmp_path)
    again = found("18.6", date="2026-12-01")
    del again["proof"]
    for _ in range(2):
        run.keep(again, tmp_path)
    (row,) = tables.engines(tmp_path).splitlines()[2:]
    assert "| 2026-11-29 to 2026-12-01 | 9 | 30 | 20,123 |" in row


def test_what_failed_is_on_the_page(tmp_path: Path):
    run.keep(found("18.6", live={"passed": 9, "skipped": 0, "failed": 2}), tmp_path)
    run.keep(found("17.10", proof=None, teeth=None), tmp_path)
    assert tables.engines(tmp_path).splitlines()[2:] == [
        "| PostgreSQL 17.10, a wheel | psycopg 3.3 | 2026-11-29 | 9 | - | - | - | - |",
        "| PostgreSQL 18.6, a wheel | psycopg 3.3 | 2026-11-29 | 9, **2 failed** | 30 | 20,123 | 2 "
        "| 0 / 0 |",
    ]
