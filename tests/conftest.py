"""Fixtures for all tests."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.checks.registry import registry
from hypothesis import HealthCheck, settings

from pinning import health
from pinning.signals import scope_closed

# No test fails because the machine is busy.
settings.register_profile("pinning", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pinning")

_FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture(autouse=True)
def everything_healthy() -> Iterator[None]:
    """No test sees what another one set aside."""
    yield
    health.reset()
    scope_closed.disconnect(dispatch_uid="pinning.contrib.cache")  # from its first pending key on


@pytest.fixture(autouse=True)
def no_checks_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that another test imports registers its checks for the whole process."""
    own = {check for check in registry.registered_checks if _is_own(check.__module__)}
    monkeypatch.setattr(registry, "registered_checks", own)


def _is_own(module: str) -> bool:
    return module.partition(".")[0] in {"django", "pinning", "tests"}


@pytest.fixture
def figure(pytestconfig: pytest.Config) -> Callable[[str, object], None]:
    """Notes a number that the test has measured, to be printed at the end of the run."""

    def figure(name: str, value: object) -> None:
        pytestconfig.stash.setdefault(_FIGURES, []).append(f"{name}: {value}")

    return figure


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print what tests have measured."""
    figures = config.stash.get(_FIGURES, [])
    if figures:
        terminalreporter.section("figures")
        for line in figures:
            terminalreporter.line(line)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the figures of a worker of pytest-xdist over to who reports."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["figures"] = session.config.stash.get(_FIGURES, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take them from there."""
    figures = getattr(node, "workeroutput", {}).get("figures", [])
    node.config.stash.setdefault(_FIGURES, []).extend(figures)
