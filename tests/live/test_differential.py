"""The programs of ``tests/differential`` on servers: a primary and a replica whose replay stops."""

import os
from collections.abc import Callable

import pytest

from tests.differential.comparison import check
from tests.differential.planted import PLANTED
from tests.differential.search import search
from tests.differential.servers import ServerTwins, SteadyTwins
from tests.differential.told import Call, Program, Unseen
from tests.live.conftest import on_each_database
from tests.live.site.pair import Pair

pytestmark = [on_each_database, pytest.mark.usefixtures("aliases")]

#: A quarter to half a second each.
PROGRAMS = max(12, int(os.environ.get("PINNING_PROGRAMS", 0)) // 50)
FIRST = int(os.environ.get("PINNING_FIRST_PIECE", 0))

_TAG, _TAGS = Call("create", 5), Call("query", 1)
#: One writes, another reads, and the one who wrote reads.
_OF_TWO = Program(visits=[(0, [_TAG]), (1, [_TAGS]), (0, [_TAGS])])


@pytest.mark.parametrize(("kind", "visitors"), [(ServerTwins, 1), (SteadyTwins, 2)])
def test_a_cluster_tells_what_one_database_tells(
    pair: Pair,
    vendor: str,
    kind: type[ServerTwins],
    visitors: int,
    figure: Callable[[str, object], None],
):
    twins = kind(pair)
    try:
        done = search(twins, visitors=visitors, count=PROGRAMS, number=FIRST)
    finally:
        twins.close()
    figure(f"{vendor}, visitors: {visitors}", done)


def test_a_planted_bug_is_found(pair: Pair):
    twins = SteadyTwins(pair)
    try:
        with twins.clock() as clock:
            assert check(twins, clock, _OF_TWO) == (4, 4)
            with PLANTED["no pins are kept"](), pytest.raises(Unseen):
                check(twins, clock, _OF_TWO)
    finally:
        twins.close()
