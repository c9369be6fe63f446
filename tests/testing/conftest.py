"""Servers for the tests of servers."""

from collections.abc import Iterator

import pytest

from pinning.testing.postgres import Postgres
from tests.services import service


@pytest.fixture
def own_primary() -> Iterator[Postgres]:
    """A primary that the test may break."""
    with service(Postgres.primary()) as server:
        server.execute("CREATE TABLE row (id int)")
        yield server
