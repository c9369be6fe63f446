"""GTIDs as MariaDB and Oracle's MySQL write them: the places that they say, what to wait for."""

import re
from collections.abc import Iterable

from pinning.pins import Pin

_MARIADB_TIMELINE = re.compile(r"(\d{1,10})\.(\d{1,10})", re.ASCII)
_MARIADB_GTID = re.compile(r"(\d{1,10})-(\d{1,10})-(\d{1,19})", re.ASCII)
_UUID, _TAG = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", r"[a-z_][a-z0-9_]{0,31}"
_MYSQL_SOURCE = re.compile(_UUID, re.IGNORECASE)
_MYSQL_TAG = re.compile(_TAG, re.ASCII | re.IGNORECASE)
_MYSQL_TIMELINE = re.compile(rf"({_UUID}(?::{_TAG})?)\.", re.ASCII)
_MYSQL_INTERVAL = re.compile(r"(\d{1,19})(?:-(\d{1,19}))?", re.ASCII)

Intervals = list[tuple[int, int]]


class UnknownFormatError(ValueError):
    """A position has a format that is not known here."""


def mariadb_places(gtids: str) -> dict[str, int]:
    """The sequence number of each ``domain-server-sequence``, by domain and server.

    A promoted server continues the sequence of a domain. With the server in the name, a number that
    the old primary gave is not taken for the same number from the new primary.
    """
    places = {}
    for gtid in _items(gtids):
        match = _MARIADB_GTID.fullmatch(gtid)
        if match is None:
            raise UnknownFormatError(gtid)
        domain, server, sequence = match.groups()
        places[f"{domain}.{server}"] = _number(sequence)
    return places


def mariadb_gtids(pins: Iterable[Pin]) -> str:
    """The last GTID of each domain that one of ``pins`` has. Empty if one is none of MariaDB's."""
    last: dict[str, tuple[int, str]] = {}
    for pin in pins:
        match = _MARIADB_TIMELINE.fullmatch(pin.timeline)
        if match is None or pin.position is None:
            return ""
        domain, server = match.groups()
        last[domain] = max(last.get(domain, (0, "")), (pin.position, server))
    return ",".join(f"{domain}-{server}-{number}" for domain, (number, server) in last.items())


def mysql_gtids(pins: Iterable[Pin]) -> str:
    """All transactions up to those of ``pins``, of each source. Empty if one is none of MySQL's."""
    sets = []
    for pin in pins:
        match = _MYSQL_TIMELINE.fullmatch(pin.timeline)
        if match is None or not pin.position:
            return ""
        sets.append(f"{match[1]}:1-{pin.position}")
    return ",".join(sets)


def mysql_ends(gtids: str) -> dict[str, int]:
    """The last transaction of each source, even if there are gaps before it."""
    return {f"{source}.": parts[-1][1] for source, parts in _mysql_intervals(gtids).items()}


def mysql_beginnings(gtids: str) -> dict[str, int]:
    """The last transaction of each source before its first gap: nothing before it is missing."""
    return {
        f"{source}.": parts[0][1] if parts[0][0] == 1 else 0
        for source, parts in _mysql_intervals(gtids).items()
    }


def _mysql_intervals(gtids: str) -> dict[str, Intervals]:
    """The intervals by source and tag: ``uuid:1-5:9, uuid:1-3:tag:1-7``. The server joins them."""
    sources: dict[str, Intervals] = {}
    for item in _items(gtids):
        source, *parts = (part.strip() for part in item.split(":"))
        if not (_MYSQL_SOURCE.fullmatch(source) and parts):
            raise UnknownFormatError(item)
        name = source.lower()
        for part in parts:
            if match := _MYSQL_INTERVAL.fullmatch(part):
                first = _number(match[1])
                sources.setdefault(name, []).append((first, _number(match[2] or match[1])))
            elif _MYSQL_TAG.fullmatch(part):
                name = f"{source}:{part}".lower()
            else:
                raise UnknownFormatError(item)
    return {name: sorted(intervals) for name, intervals in sources.items()}


def _items(gtids: object) -> list[str]:
    if not isinstance(gtids, str):
        raise UnknownFormatError(gtids)
    return [item.strip() for item in gtids.split(",")] if gtids.strip() else []


def _number(digits: str) -> int:
    number = int(digits)
    if number >= 2**63:
        raise UnknownFormatError(digits)
    return number
