"""The pytest plugin: nothing is active until a test asks for a fixture, or a run for detection.

pytest finds it by the entry point ``pytest11`` of the package.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from pinning.testing.options import add_options

if TYPE_CHECKING:
    from pinning import Read, Reason, Write
    from pinning.testing.mariadb import MariaDBReplica
    from pinning.testing.pair import Pair
    from pinning.testing.postgres import Replica
    from pinning.testing.pretend import PretendedReplica

#: Who asks for one of these uses the database, and so does who has the mark ``django_db``.
_FIXTURES = frozenset({"db", "transactional_db", "live_server"})


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--pinning-detect`` and ``--pinning-detect-as``."""
    add_options(parser.getgroup("pinning").addoption)


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark."""
    config.addinivalue_line(
        "markers",
        'pinning_detect(how="error"): look for stale reads in this test; how is "error", '
        '"warning", "report", or None for not at all',
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin to look in all tests of Django's own classes."""
    how = session.config.getoption("pinning_detect")
    if how is None:
        return
    from pinning.testing import tally
    from pinning.testing.cases import detect_in_all, detect_in_none

    if not hasattr(session.config, "workerinput"):
        tally.begin()
    detect_in_all(how)
    session.config.add_cleanup(detect_in_none)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what was found in all tests, by all processes."""
    is_worker = hasattr(config, "workerinput")  # of pytest-xdist, which ends before the others
    if config.getoption("pinning_detect") is not None and not is_worker:
        from pinning.testing import tally

        terminalreporter.section("stale reads")
        terminalreporter.write_line(str(tally.end()))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Look while a test function runs. Its fixtures have made what is there from the start."""
    how = _how(pyfuncitem)
    if how is None:
        return (yield)
    from pinning.testing.cases import noted

    with noted(how):
        return (yield)


def _how(item: pytest.Function) -> Any:
    """How to look in this test. None: not at all."""
    mark = item.get_closest_marker("pinning_detect")
    if mark is not None:
        return mark.args[0] if mark.args else mark.kwargs.get("how", "error")
    if item.config.getoption("pinning_detect") is None:
        return None
    uses_database = item.get_closest_marker("django_db") or _FIXTURES & {*item.fixturenames}
    return item.config.getoption("pinning_detect") if uses_database else None


@pytest.fixture
def replica(db: None) -> "Iterator[PretendedReplica]":  # noqa: ARG001  the database comes first
    """A pretended replica: in this test reads go where production would send them."""
    from pinning.testing.pretend import pretended_replica

    with pretended_replica() as pretended:
        yield pretended


class Reads:
    """All answers of the router in a test, and its writes, in the order in which they came."""

    def __init__(self, trace: "list[Read | Write]") -> None:
        self._trace = trace

    def __iter__(self) -> "Iterator[Read]":
        from pinning import Read

        return (event for event in self._trace if isinstance(event, Read))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def of(self, model: str) -> "list[tuple[str, Reason]]":
        """Alias and reason of each read of a model: ``of("notes.Note")``."""
        return [(read.alias, read.reason) for read in self if read.model == model]

    @property
    def aliases(self) -> Counter[str]:
        """How many reads each alias has served."""
        return Counter(read.alias for read in self)

    @property
    def reasons(self) -> "Counter[Reason]":
        """How many reads there were for each reason."""
        return Counter(read.reason for read in self)

    def clear(self) -> None:
        """Forget what was read until now."""
        self._trace.clear()


@pytest.fixture
def pinning_reads() -> Iterator[Reads]:
    """The reads of this test, with alias, reason and line: see ``Reads``."""
    from pinning import traced

    with traced() as trace:
        yield Reads(trace)


@pytest.fixture(scope="session")
def _pinning_pair(
    django_db_setup: None,  # noqa: ARG001  the project's own databases come first
    django_db_blocker: Any,
) -> "Iterator[Pair]":
    from pinning.testing.lagging import first_replica, project_pair
    from pinning.testing.processes import MissingService

    with ExitStack() as stack:
        stack.enter_context(django_db_blocker.unblock())
        try:
            first_replica()
            pair = stack.enter_context(project_pair())
        except (LookupError, MissingService) as missing:
            pytest.skip(str(missing))
        yield pair


@pytest.fixture
def lagging_replica(
    _pinning_pair: "Pair", django_db_blocker: Any
) -> "Iterator[Replica | MariaDBReplica]":
    """A real replica, whose primary is "default" in this test. It lags as the test says.

    Both servers are started once for all tests, with the project's tables; the test is skipped
    where they are not installed. Do not ask for ``db`` too.
    """
    from pinning.testing.lagging import in_its_place

    with django_db_blocker.unblock(), in_its_place(_pinning_pair) as lagging:
        yield lagging
