"""Django's runner and test classes look for stale reads where they are asked to."""

import pytest

from tests.testing.suites import make_project, manage_in, pytest_in

RUNNER = 'TEST_RUNNER = "pinning.testing.runner.DetectingRunner"\n'


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = make_project(tmp_path_factory.mktemp("project"))
    with (folder / "settings.py").open("a") as settings:
        settings.write(RUNNER)
    return folder


def test_without_the_option_nobody_looks(project):
    report = manage_in(project, "test_cases")
    assert "Ran 4 tests" in report
    assert "OK" in report
    assert "would have" not in report


@pytest.mark.parametrize("options", [[], ["--parallel", "2"]])
def test_a_suite_is_looked_at(project, options):
    report = manage_in(project, "--pinning-detect", *options, "test_cases")
    assert "Ran 4 tests" in report
    assert "FAILED" in report
    assert "StaleReadError" in report
    assert "1 would have been stale" in report
    assert "test_right" not in report


def test_a_report_lets_all_pass(project):
    report = manage_in(project, "--pinning-detect-as=report", "--parallel", "2", "test_cases")
    assert "OK" in report
    assert "1 would have been stale" in report


def test_one_class_is_looked_at_by_the_mixin(project):
    report = manage_in(project, "test_mixed")
    assert "Found 5 test(s)" in report
    assert "FAILED (failures=3, skipped=1)" in report
    assert "FAIL: test_stale " in report
    assert "FAIL: test_it_is_told_at_the_end_too " in report
    assert "2 failed, 2 passed, 1 skipped" in pytest_in(project, "test_mixed.py")
