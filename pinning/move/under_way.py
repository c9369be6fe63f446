"""The moves that databases remember, for ``pinning_status``: how far each is, what to type next."""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from django.db import Error, connections

from pinning.databases import apart
from pinning.diagnosis.answers import answers
from pinning.move.errors import MoveError
from pinning.move.names import Name
from pinning.move.parts import Part, parts_of
from pinning.move.records import CLOSED, COPYING, DROPPED, MOVED, OPEN, all_records

#: For each phase: what it is, and what to do, before and after the command.
_TOLD = {
    COPYING: ("its rows are being copied", "If no command works on it, go on by", ""),
    CLOSED: ("its old tables take no writes", "If no command works on it, run at once", ""),
    MOVED: ("its new tables take no writes yet", "If no command works on it, run at once", ""),
    OPEN: ("it has moved", "Name the new cluster in MODELS, restart, and run", " --drop"),
    DROPPED: (
        "its old rows are gone, and the empty tables refuse writes",
        "When no process has older settings, run",
        " --forget",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """A move that has begun and is not forgotten."""

    #: The words after ``manage.py pinning_move``.
    asked: str
    source: str
    phase: str
    #: How many rows both sides have, while they are copied. None: it is not known.
    copied: int | None = None
    total: int | None = None

    @property
    def next(self) -> str:
        """The command to type next."""
        return f"manage.py pinning_move {self.asked}{_TOLD[self.phase][2]}"

    def values(self) -> dict[str, object]:
        """What JSON can carry."""
        return {
            "source": self.source,
            "phase": self.phase,
            "copied": self.copied,
            "total": self.total,
            "next": self.next,
        }

    def text(self) -> str:
        """For people: two lines."""
        state, then, _ = _TOLD[self.phase]
        far = "" if self.total is None else f", {self.copied:,} of {self.total:,} so far"
        label, _, rest = self.asked.partition(" --to ")
        way = f"from {self.source!r} to {rest.partition(' ')[0]!r}"
        return f"The move of {label} {way}: {state}{far}.\n  {then}: {self.next}"


def moves_under_way(primaries: Iterable[str]) -> list[UnderWay]:
    """The moves away from these primaries. One that does not answer tells nothing of its moves."""
    told = answers({alias: partial(_moves_from, alias) for alias in primaries})
    found = {str(number): move for number, move in enumerate(_listed(told))}
    counts = answers({number: partial(_counted, move) for number, move in found.items()})
    return [counts.get(number, move) for number, move in found.items()]


def _listed(told: Mapping[str, list[UnderWay]]) -> Iterator[UnderWay]:
    for moves in told.values():
        yield from moves


def _moves_from(alias: str) -> list[UnderWay]:
    connection = apart(connections[alias])
    try:
        records = all_records(connection)
    except Error:
        return []
    finally:
        connection.close()
    return [
        UnderWay(asked=of["asked"], source=alias, phase=of.get("phase", COPYING))
        for of in records.values()
        if of.get("source") == alias
    ]


def _counted(move: UnderWay) -> UnderWay:
    """With the number of rows on both sides, if they are being copied."""
    if move.phase != COPYING:
        return move
    try:
        parts, target = _parts_of(move)
        totals = [part.rows(move.source).count() for part in parts]
        copied = [part.rows(target).count() for part in parts]
    except (Error, MoveError):
        return move
    finally:
        connections.close_all()  # those of this thread
    return UnderWay(
        asked=move.asked,
        source=move.source,
        phase=move.phase,
        copied=sum(copied),
        total=sum(totals),
    )


def _parts_of(move: UnderWay) -> tuple[tuple[Part, ...], str]:
    """The tables of a move, and where they go. Raises MoveError if the models have changed."""
    words = shlex.split(move.asked)
    end = words.index("--to")
    where = words[end + 3] if "--where" in words else ""
    return parts_of(words[:end], Name.of(words[0], where), where), words[end + 1]
