"""The same programs on one database and on a cluster: `comparison` says what has to be the same."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import override_settings

from tests.differential.comparison import check
from tests.differential.planted import PLANTED, RARE
from tests.differential.search import FIND, search
from tests.differential.sqlite import SqliteTwins
from tests.differential.told import Call, Difference, Program, Unseen
from tests.differential.twins import REPLICAS

pytestmark = pytest.mark.hypothesis

#: `make programs` runs more.
PROGRAMS = int(os.environ.get("PINNING_PROGRAMS", 300))
FIRST = int(os.environ.get("PINNING_FIRST_PIECE", 0))
_OF_A_PIECE = 500

#: How many programs may run until a planted bug is found.
_MOST = 500


@pytest.fixture(scope="module")
def twins(django_db_blocker: Any) -> Iterator[SqliteTwins]:
    pinning = {"REPLICAS": {"default": list(REPLICAS)}, "WINDOW": 5}
    with override_settings(PINNING=pinning), django_db_blocker.unblock():
        twins = SqliteTwins()
        yield twins
        twins.close()


@pytest.mark.parametrize("piece", range(FIRST, FIRST + -(-PROGRAMS // _OF_A_PIECE)))
def test_a_cluster_tells_what_one_database_tells(
    twins: SqliteTwins, piece: int, figure: Callable[[str, object], None]
):
    count = min(PROGRAMS, _OF_A_PIECE)
    alone = search(twins, visitors=1, count=count // 2, number=piece)
    several = search(twins, visitors=2, count=count - count // 2, number=piece)
    figure(f"piece {piece}, who is alone", alone)
    figure(f"piece {piece}, two visitors", several)


@pytest.mark.parametrize("bug", [bug for bug in PLANTED if bug not in RARE])
def test_a_planted_bug_is_found(twins: SqliteTwins, bug: str):
    with PLANTED[bug](), pytest.raises((Difference, Unseen)):
        search(twins, visitors=1, count=_MOST, phases=FIND)


@pytest.mark.parametrize("bug", RARE)
def test_a_planted_bug_is_found_by_its_smallest_program(twins: SqliteTwins, bug: str):
    with twins.clock() as clock:
        check(twins, clock, RARE[bug])
        with PLANTED[bug](), pytest.raises((Difference, Unseen)):
            check(twins, clock, RARE[bug])


def test_a_transaction_that_changed_nothing_is_no_commit(twins: SqliteTwins):
    """Else it would be asked that its visitor sees it, and pinning pins nobody for it."""
    undone = [Call("atomic"), Call("in_transaction", 1, 0, 1)]
    program = Program(visits=[(0, undone), (0, [Call("query", 1)])], has_positions=False)
    with twins.clock() as clock:
        check(twins, clock, program)
        assert twins.log.end == 0
