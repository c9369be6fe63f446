"""The pytest plugin, by suites that pytest runs as a project's people do."""

import subprocess
import sys
from pathlib import Path

import pytest

from pinning.testing.postgres import Postgres
from tests.services import service
from tests.testing.suites import make_project, pytest_in


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("project"))


def test_nothing_is_active_until_somebody_asks(project):
    report = pytest_in(project, "test_cases.py", "functions.py")
    assert "9 passed" in report
    assert "would have" not in report


def test_it_needs_nothing_that_only_the_real_servers_need():
    missing = "import sys; sys.modules.update(psutil=None, pwd=None, fcntl=None)"
    for module in ("pytest_plugin", "cases", "runner"):
        program = f"{missing}; import django; import pinning.testing.{module}"
        subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_stale_reads_are_errors_where_the_code_reads(project):
    report = pytest_in(project, "--pinning-detect", "test_cases.py", "functions.py")
    assert "2 failed, 7 passed" in report
    assert "FAILED test_cases.py::Cases::test_stale" in report
    assert "FAILED functions.py::test_stale" in report
    assert "test_cases.py:13" in report  # the line that reads
    assert "test_cases.py:11" in report  # the line that wrote
    assert "3 would have been stale" in report
    assert "1 lacked what somebody else had written" in report


@pytest.mark.parametrize("how", ["report", "warning"])
def test_in_other_ways_the_tests_pass(project, how):
    report = pytest_in(project, f"--pinning-detect-as={how}", "-W", "default", "test_cases.py")
    assert "4 passed" in report
    assert ("StaleReadWarning" in report) is (how == "warning")
    assert "1 would have been stale" in report
    assert "3 stayed on the primary" in report


def test_processes_of_xdist_are_summed_up(project):
    report = pytest_in(project, "--pinning-detect-as=report", "-n", "2", "test_cases.py")
    assert "4 passed" in report
    assert "1 would have been stale" in report


def test_a_real_replica_takes_the_place_of_the_projects(project):
    with service(Postgres.primary()):  # or the test is skipped
        pass
    assert "3 passed" in pytest_in(project, "lagging.py")
