"""The programs of ``tests/differential`` on servers: a primary and a replica whose replay stops."""

import os
from collections.abc import Callable

import pytest

from tests.differential.planted import PLANTED
from tests.differential.search import FIND, search
from tests.differential.servers import ServerTwins, SteadyTwins
from tests.differential.told import Difference, Unseen
from tests.live.conftest import on_each_database
from tests.live.site.pair import Pair

pytestmark = [on_each_database, pytest.mark.usefixtures("aliases")]

#: A quarter to half a second each.
PROGRAMS = max(12, int(os.environ.get("PINNING_PROGRAMS", 0)) // 50)
FIRST = int(os.environ.get("PINNING_FIRST_PIECE", 0))

#: How many programs may run until a planted bug is found.
_MOST = 60


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


@pytest.mark.parametrize("bug", ["no pins are kept"])
def test_a_planted_bug_is_found(pair: Pair, bug: str):
    twins = SteadyTwins(pair)
    try:
        with PLANTED[bug](), pytest.raises((Difference, Unseen)):
            search(twins, visitors=2, count=_MOST, phases=FIND)
    finally:
        twins.close()
