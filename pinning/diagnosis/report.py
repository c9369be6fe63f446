"""All that was seen, with what is wrong: as a text for people, and as values for JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings as django_settings
from django.db import connections

from pinning.conf import Clusters, Settings
from pinning.diagnosis.finding import Finding
from pinning.diagnosis.findings import findings_of, findings_of_store, relation
from pinning.diagnosis.look import look
from pinning.diagnosis.seen import Lag, Seen, SeenStore
from pinning.diagnosis.stores import look_at_stores

_ALIASES = ("alias", "server", "it is", "connects in", "lag", "timeline", "connections")
_STORES = ("store", "answers in", "memory", "when full")

_NOTHING = "This process has set nothing aside."
_ELSEWHERE = "Each process finds that out for itself: the log of the site tells of others."


@dataclass(frozen=True, slots=True)
class Report:
    """What was seen of all aliases of clusters and of all stores, and what is wrong."""

    seen: dict[str, Seen]
    stores: Sequence[SeenStore]
    findings: Sequence[Finding]
    #: The aliases of DATABASES that are in no cluster.
    others: Sequence[str] = ()

    @classmethod
    def made(cls, clusters: Clusters, settings: Settings) -> "Report":
        """Look at everything that the settings name. Raises ImproperlyConfigured.

        What SILENCED_SYSTEM_CHECKS names is not told.
        """
        stores = look_at_stores(settings.stores)
        seen = look(clusters, settings.aliases)
        findings = [
            *(found for each in seen.values() for found in _found(each, seen, settings)),
            *(found for store in stores for found in findings_of_store(store, settings)),
        ]
        silenced = django_settings.SILENCED_SYSTEM_CHECKS
        told = [found for found in findings if found.id not in silenced]
        return cls(seen, stores, told, [alias for alias in connections if alias not in seen])

    def primaries(self) -> list[str]:
        """Those that can be asked more: they have answered, or are files."""
        return [alias for alias, seen in self.seen.items() if seen.is_primary and not seen.error]

    def values(self) -> dict[str, Any]:
        """What JSON can carry. Times are in seconds; what is not known is None."""
        return {
            "is_well": not self.findings,
            "aliases": {alias: self._values_of(seen) for alias, seen in self.seen.items()},
            "stores": {store.name: asdict(store) for store in self.stores},
            "others": list(self.others),
            "findings": [asdict(found) | {"level": found.level} for found in self.findings],
        }

    def text(self, *told: str) -> str:
        """Tables, the settings that matter, and each finding with what to do.

        ``told`` stands before the findings: what others have found.
        """
        rows = [_row(seen, self.seen[seen.primary]) for seen in self.seen.values()]
        stores = [_store_row(store) for store in self.stores]
        parts = [
            table([_ALIASES, *rows]),
            "\n".join(self._settings()),
            table([_STORES, *stores]),
            "\n".join([*(list(self._set_aside()) or [_NOTHING]), _ELSEWHERE]),
            self._others(),
            *told,
            "\n\n".join(map(_told, self.findings)) or "Nothing is wrong.",
        ]
        return "\n\n".join(filter(None, parts))

    def _values_of(self, seen: Seen) -> dict[str, Any]:
        facts = seen.facts
        return {
            "primary": seen.primary,
            "is_asked": seen.is_asked,
            "connected_in": seen.connected_in,
            "error": seen.error,
            "product": facts.product,
            "database": facts.database,
            "relation": None if seen.is_primary else relation(seen, self.seen[seen.primary]),
            "is_standby": facts.is_standby,
            "takes_writes": facts.takes_writes,
            "is_read_only": seen.is_read_only,
            "lag": None if seen.lag is None else asdict(seen.lag) | {"unit": facts.unit},
            "timeline": None if seen.timeline == "?" else seen.timeline,
            "may_see_timeline": None if seen.connected_in is None else facts.missing is None,
            "connections": facts.connections,
            "most_connections": facts.most_connections,
            "settings": dict(facts.settings),
            "set_aside": seen.set_aside,
        }

    def _settings(self) -> Iterator[str]:
        """The settings of each server, and once what they mean."""
        for alias, seen in self.seen.items():
            if seen.facts.settings:
                told = (
                    f"{name} = {value or repr('')}" for name, value in seen.facts.settings.items()
                )
                yield f"{alias}: {', '.join(told)}"
        yield from dict.fromkeys(
            remark for seen in self.seen.values() for remark in seen.facts.remarks
        )

    def _others(self) -> str:
        if not self.others:
            return ""
        return f"In no cluster, so pinning leaves them alone: {', '.join(self.others)}."

    def _set_aside(self) -> Iterator[str]:
        for seen in self.seen.values():
            if seen.set_aside:
                yield f"This process has set {seen.alias!r} aside: {seen.set_aside}"
        for store in self.stores:
            if store.is_set_aside:
                yield f"This process has set the store {store.name!r} aside."


def _found(seen: Seen, all_seen: dict[str, Seen], settings: Settings) -> list[Finding]:
    return findings_of(seen, all_seen[seen.primary], settings)


def _row(seen: Seen, primary: Seen) -> tuple[str, ...]:
    facts = seen.facts
    used = "-" if facts.connections is None else f"{facts.connections} of {facts.most_connections}"
    timeline = "hidden" if facts.missing else {None: "-", "?": "unknown"}.get(seen.timeline)
    return (
        seen.alias,
        facts.product or "-",
        _kind(seen, primary),
        _milliseconds(seen.connected_in),
        "-" if seen.lag is None else _lag(seen.lag, facts.unit),
        timeline or str(seen.timeline),
        used,
    )


def _kind(seen: Seen, primary: Seen) -> str:
    """What the server is, and whether nobody may write to it."""
    is_closed = seen.is_primary and seen.is_read_only
    return f"{_role(seen, primary)}, read-only" if is_closed else _role(seen, primary)


def _role(seen: Seen, primary: Seen) -> str:
    if not seen.is_asked:
        return "not asked"
    if seen.connected_in is None:
        return "unreachable"
    if seen.is_primary:
        return "takes no writes" if seen.facts.takes_writes is False else "primary"
    match relation(seen, primary):
        case "itself":
            return f"{primary.alias} itself"
        case "foreign":
            return "another system"
        case "unknown":
            return "unknown"
    return "takes writes" if seen.facts.takes_writes else f"replica of {primary.alias}"


def _lag(lag: Lag, unit: str) -> str:
    if lag.at_least == lag.at_most:
        seconds = f"{lag.at_least:.2g} s"
    elif lag.at_most is None:
        seconds = f"{lag.at_least:.0f} s or more"
    else:
        seconds = f"up to {lag.at_most:.0f} s"
    return f"{seconds}, {lag.distance:,} {unit}"


def _store_row(store: SeenStore) -> tuple[str, ...]:
    if not store.is_server_side:
        return (store.name, "-", "with the client", "-")
    condition = store.condition
    if condition is None:
        return (store.name, "no answer", "-", "-")
    memory = "is believed" if condition.is_complete else "is too young"
    return (store.name, _milliseconds(store.answered_in), memory, condition.policy or "unknown")


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f} ms"


def _told(found: Finding) -> str:
    return f"{found.level} {found.id}: {found.what}\n  {found.hint}"


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """The rows as lines of text, with columns that stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(map(str.rstrip, lines))
