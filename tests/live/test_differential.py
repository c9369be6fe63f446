"""The programs of ``tests/differential`` on servers: a primary and a replica whose replay stops."""

import os
from collections.abc import Callable, Iterator

import pytest

from tests.differential.postgresql import PostgresTwins
from tests.differential.search import search
from tests.live.site.pair import Pair

#: Half a second each.
PROGRAMS = max(30, int(os.environ.get("PINNING_PROGRAMS", 0)) // 50)
FIRST = int(os.environ.get("PINNING_FIRST_PIECE", 0))


@pytest.fixture
def twins(pair: Pair, aliases: None) -> Iterator[PostgresTwins]:
    twins = PostgresTwins(pair)
    yield twins
    twins.close()


def test_a_cluster_tells_what_one_database_tells(
    twins: PostgresTwins, figure: Callable[[str, object], None]
):
    figure("programs on PostgreSQL", search(twins, visitors=1, count=PROGRAMS, number=FIRST))
