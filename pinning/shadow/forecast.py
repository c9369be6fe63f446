"""What would happen if replicas were switched on, from what shadow mode has counted. No I/O."""

from collections import Counter
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from pinning.scopes import ON_REPLICA, Reason
from pinning.shadow.counts import Key, name_of
from pinning.shadow.limits import WAITS


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The reads of one view, or of all.

    ``shares`` says for each of WAITS which part of them replicas would serve. ``reasons`` counts
    the reads that would go to the primary with a WAIT of 0, by reason.
    """

    name: str
    reads: int
    shares: tuple[float, ...]
    reasons: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What the writes of one model do.

    ``pins`` is how many requests and tasks pinned somebody and wrote it. ``alone`` is how many of
    them wrote nothing else that pins, and ``safe`` how many had a safe method. ``views`` are those
    that wrote it, the one that did most first.
    """

    model: str
    pins: int
    alone: int
    safe: int
    views: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """Reads of one model that were compared, and how many a replica would have answered late."""

    model: str
    compared: int
    stale: int


class Forecast:
    """What the counters of shadow mode tell."""

    def __init__(self, counts: Counter[Key]) -> None:
        self._counts = counts

    @cached_property
    def views(self) -> list[View]:
        """All views, those with the most reads first."""
        reads: Counter[str] = Counter()
        for key, times in self._counts.items():
            if key[0] == "read":
                reads[key[1]] += times
        return [self._view(name, {name}) for name, _ in reads.most_common()]

    @cached_property
    def total(self) -> View:
        """All views together."""
        return self._view("all", {view.name for view in self.views})

    @cached_property
    def tables(self) -> list[Table]:
        """All models whose writes pin, those that pin most first."""
        models = {key[2] for key in self._counts if key[0] == "write"}
        tables = [self._table(model) for model in sorted(models)]
        return sorted(tables, key=lambda table: (-table.pins, -table.alone))

    @cached_property
    def pins(self) -> int:
        """How many requests and tasks pinned somebody."""
        return sum(times for key, times in self._counts.items() if key[0] == "pinned")

    @cached_property
    def sample(self) -> list[Sampled]:
        """The sample by model, the most often stale first."""
        found = [
            Sampled(model=key[1], compared=times, stale=self._counts["stale", key[1]])
            for key, times in self._counts.items()
            if key[0] == "compared"
        ]
        return sorted(found, key=lambda each: (-each.stale, -each.compared))

    def values(self) -> dict[str, Any]:
        """What JSON can carry. Shares are from 0 to 1, by the milliseconds of WAIT."""
        return {
            "total": _values(self.total),
            "views": {view.name: _values(view) for view in self.views},
            "pins": self.pins,
            "tables": [asdict(table) for table in self.tables],
            "sample": [asdict(each) for each in self.sample],
        }

    def _view(self, name: str, names: set[str]) -> View:
        reasons: Counter[str] = Counter()
        won: Counter[str] = Counter()
        unknown = 0
        for key, times in self._counts.items():
            match key:
                case ("read", view, reason) if view in names:
                    reasons[reason] += times
                case ("won", view, wait) if view in names:
                    won[wait] += times
                case ("unknown", view) if view in names:
                    unknown += times
        on_replica = sum(reasons[reason] for reason in ON_REPLICA)
        pinned = reasons[Reason.PINNED]
        return View(
            name=name,
            reads=reasons.total(),
            shares=tuple(
                (on_replica + _scaled(won[name_of(wait)], pinned, unknown)) / reasons.total()
                for wait in WAITS
            )
            if reasons
            else (0.0,) * len(WAITS),
            reasons={
                str(reason): times
                for reason, times in reasons.most_common()
                if reason not in ON_REPLICA
            },
        )

    def _table(self, model: str) -> Table:
        views: Counter[str] = Counter()
        alone = safe = 0
        for key, times in self._counts.items():
            match key:
                case ("write", view, found, kind) if found == model:
                    views[view] += times
                    safe += times if kind == "safe" else 0
                case ("alone", _, found, _) if found == model:
                    alone += times
        names = tuple(view for view, _ in views.most_common())
        return Table(model=model, pins=views.total(), alone=alone, safe=safe, views=names)


def _scaled(won: int, pinned: int, unknown: int) -> float:
    """How many of ``pinned`` reads are won, if those that nobody knows do as the others."""
    known = pinned - unknown
    return won * pinned / known if known > 0 else 0.0


def _values(view: View) -> dict[str, Any]:
    shares = {name_of(wait): share for wait, share in zip(WAITS, view.shares, strict=True)}
    return {"reads": view.reads, "shares": shares, "reasons": view.reasons}
