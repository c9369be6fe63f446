"""Real servers in tests: skipped where their programs are missing, unless they are required."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import NoReturn, TypeVar

import pytest

from pinning.testing.processes import MissingService

T = TypeVar("T")


@contextmanager
def service(server: AbstractContextManager[T]) -> Iterator[T]:
    """Run a server for the block: `with service(Postgres.primary()) as primary:`.

    Without its programs the test is skipped, with the reason; with PINNING_REQUIRE_SERVICES=1 in
    the environment it fails.
    """
    with ExitStack() as stack:
        with programs():
            entered = stack.enter_context(server)
        yield entered


@contextmanager
def programs() -> Iterator[None]:
    """The same for a block that starts servers."""
    try:
        yield
    except MissingService as missing:
        give_up(str(missing))


def give_up(reason: str) -> NoReturn:
    """Skip the test, or fail it where services are required."""
    if is_required():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def is_required() -> bool:
    """Whether nothing may be missing here."""
    return os.environ.get("PINNING_REQUIRE_SERVICES") == "1"
