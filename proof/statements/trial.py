"""Runs statements on a server, and compares what they do with what their text tells."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from pinning.databases import Statement, statement_of
from proof.statements.grammar import statement

_BATCH = 25
#: One of so many that may do all runs as well, alone: it shows what there is to be missed.
_SAMPLE = 60


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    made: int = 0
    ran: Counter[str] = field(default_factory=Counter)
    #: Statements that did what their text was said not to do.
    misses: list[tuple[str, str, str]] = field(default_factory=list)
    #: Of those that were said to do all: how many ran, and how many changed anything.
    sampled: int = 0
    did: int = 0


class Said(NamedTuple):
    """What a statement may do, as its text was said to tell."""

    writes: bool
    marks: bool
    #: Whether it may change the rows that its session shows. A function of the server's own may.
    changes: bool
    is_random: bool


class Trial:
    """A session of one mode, and the statements that wait for their turn, by what they may do."""

    def __init__(self, session: Any, mode: str, outcome: Outcome, tell: Any = statement_of) -> None:
        self._session, self._mode, self._outcome, self._tell = session, mode, outcome, tell
        self._waiting: dict[Said, list[str]] = {}

    def take(self, sql: str, number: int) -> None:
        """Run the statement, alone or with others that are said to do no more."""
        told: Statement = self._tell(sql)
        self._outcome.made += 1
        changes = told.changes_session or "mark" in sql.lower()
        if told.writes and told.marks and changes:
            if number % _SAMPLE == 0:
                self._sample(sql)
            return
        said = Said(told.writes, told.marks, changes, "rand" in sql.lower())
        waiting = self._waiting.setdefault(said, [])
        waiting.append(sql)
        if len(waiting) >= _BATCH:
            self._judge(said, waiting)
            waiting.clear()

    def finish(self) -> None:
        """Run what still waits."""
        for said, waiting in self._waiting.items():
            if waiting:
                self._judge(said, waiting)
        self._waiting.clear()

    def _judge(self, said: Said, statements: list[str]) -> None:
        """Run them all. If anything has changed, find out by which of them."""
        if self._changed(said, statements) and len(statements) > 1:
            for sql in statements:
                self._judge(said, [sql])
        elif self._wrong:
            self._outcome.misses.append((self._mode, self._wrong, statements[0]))

    def _changed(self, said: Said, statements: list[str]) -> str:
        writes, marks, changes, is_random = said
        session = self._session
        session.begin()
        data = None if writes else session.data()
        own = None if marks else session.session(seed=False)
        session.begin()
        expected = None if marks or is_random else session.session(seed=True)
        session.begin()
        shown = None if changes else session.shown()
        for sql in statements:
            is_run = session.run(sql)
            self._outcome.ran["run" if is_run else "refused"] += 1
        self._wrong = ""
        if not marks:
            found = session.session(seed=not is_random)
            before = own if is_random else expected
            if _without_ids(found, writes) != _without_ids(before, writes):
                self._wrong = f"marks: {before} became {found}"
        if not (changes or _is_lost(found := session.shown())) and found != shown:
            self._wrong = f"changes its session: {shown} became {found}"
        if not writes and session.data() != data:
            self._wrong = "writes"
        if self._wrong or writes:
            session.reset()
        return self._wrong

    def _sample(self, sql: str) -> None:
        """Run one that may do all, to see whether the server does any of it."""
        session = self._session
        session.begin()
        before = session.data(), session.session(seed=False)
        session.begin()
        session.run(sql)
        after = session.data(), session.session(seed=False)
        self._outcome.sampled += 1
        if before != after:
            self._outcome.did += 1
            session.reset()


def _is_lost(shown: Any) -> bool:
    """Whether no session is left to ask, or it cannot answer before its transaction ends."""
    return isinstance(shown, str)


def _without_ids(state: Any, writes: bool) -> Any:
    """An INSERT changes ``last_insert_id()``, which no query asks that is run again."""
    if writes and isinstance(state, tuple) and len(state) == 4:
        return tuple(value for row in state[0] for value in (*row[:4], row[5])), state[1:]
    return state


def play(session_kind: Any, server: Any, vendor: str, count: int, seed: int, tell: Any) -> Outcome:
    """Make up ``count`` statements, and run them in turn in each mode of the server."""
    chance, outcome = Random(seed), Outcome()
    modes = session_kind.modes
    share = -(-count // len(modes))
    for mode in modes:
        with contextlib.closing(session_kind(server, mode)) as session:
            trial = Trial(session, mode, outcome, tell)
            for number, sql in enumerate(_texts(vendor, chance, share)):
                trial.take(sql, number)
            trial.finish()
    return outcome


def _texts(vendor: str, chance: Random, count: int) -> Iterator[str]:
    return (statement(vendor, chance) for _ in range(count))
