"""Users who are pinned while the replica is known to be far behind: it is asked seldom for them."""

import random
import time
from collections import Counter
from collections.abc import Callable

import pytest

from pinning import Reason, carried, scope
from pinning.databases import VENDORS
from tests.live.conftest import on_each_database
from tests.live.site.pair import Pair
from tests.notes.models import Note

USERS = 10
SECONDS = 6
#: So many requests of pinned users a second there are on a machine that does nothing else.
USUAL = 35


class Crowd:
    """Users of one process: each tenth request writes, and at most 50 come in a second."""

    def __init__(self, questions: list[str]) -> None:
        self._questions = questions
        self._chance = random.Random(0)
        self._carried: dict[int, str] = {}
        self._written: Counter[int] = Counter()
        self.stale = 0
        #: By reason: requests that only read, and questions that they asked.
        self.requests: Counter[Reason] = Counter()
        self.asked: Counter[Reason] = Counter()

    def visit(self, seconds: float) -> None:
        self.requests.clear()
        self.asked.clear()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            user = self._chance.randrange(USERS)
            if self._chance.random() < (0.1 if user in self._carried else 1):
                self._write(user)
            else:
                self._read(user)
            time.sleep(0.02)

    def _write(self, user: int) -> None:
        with scope(carried=self._carried.get(user, "")):
            Note.objects.create(text=f"{user}")
            self._carried[user] = carried()
        self._written[user] += 1

    def _read(self, user: int) -> None:
        before = len(self._questions)
        with scope(carried=self._carried[user]) as work:
            found = Note.objects.filter(text=f"{user}").count()
        self.stale += found < self._written[user]
        (reason,) = work.reads["default"]
        self.requests[reason] += 1
        self.asked[reason] += len(self._questions) - before


@pytest.fixture
def questions(vendor: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each question about a replica's position."""
    asked: list[str] = []
    positions = VENDORS["postgresql" if vendor == "postgresql" else "mysql"]
    ask = positions.of_replica

    def of_replica(connection):
        asked.append(connection.alias)
        return ask(connection)

    monkeypatch.setattr(positions, "of_replica", of_replica)
    return asked


@on_each_database
@pytest.mark.parametrize("how", ["paused", "2 s late"])
def test_a_user_who_is_pinned_costs_few_questions(
    how: str, pair_here: Pair, questions: list[str], figure: Callable[..., None]
):
    if how == "paused":
        pair_here.replica.pause_replay()
    else:
        pair_here.replica.set_delay(2)
    crowd = Crowd(questions)
    crowd.visit(4)  # by now it is known how late the replica is
    crowd.visit(SECONDS)
    # Questions come by the second: a slow machine has fewer requests beside them.
    asked = crowd.asked[Reason.PINNED] / max(crowd.requests[Reason.PINNED], USUAL * SECONDS)
    figure(f"Questions for each request of a pinned user, replica {how}", round(asked, 3))
    assert crowd.stale == 0
    assert (crowd.requests[Reason.CAUGHT_UP] > 0) is (how != "paused")
    assert asked <= 0.1
