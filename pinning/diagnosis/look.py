"""Looks at the databases behind aliases: primaries first, as replicas are compared with them."""

import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import health
from pinning.conf import Clusters
from pinning.databases import (
    address_of,
    apart,
    is_full,
    is_on_server,
    is_refused,
    positions_of,
    shut,
    wanted_server,
)
from pinning.diagnosis.answers import LATE, answers
from pinning.diagnosis.findings import relation
from pinning.diagnosis.seen import Lag, Seen
from pinning.exceptions import one_line
from pinning.pins import Position

#: For so long a replica may take to replay what its primary had, in seconds. Then it lags.
_LAG_SECONDS = 1.0
_POLL_SECONDS = 0.02


def look(clusters: Clusters, aliases: Iterable[str]) -> dict[str, Seen]:
    """What is seen of ``aliases`` and of their primaries. Others than those of clusters are left.

    Each has a connection of its own, which is closed. A server that does not answer costs
    PATIENCE_SECONDS, however many there are; twice that if a primary is among them. Nothing is
    changed.
    """
    pairs = {alias: of.primary for alias in aliases if (of := clusters.of_alias(alias))}
    primaries = dict.fromkeys(pairs.values())
    seen = _look_at({alias: _expected(alias, alias, clusters) for alias in primaries}, {})
    replicas = {alias: of for alias, of in pairs.items() if alias != of}
    expected = {alias: _expected(alias, of, clusters) for alias, of in replicas.items()}
    return seen | _look_at(expected, seen)


def _expected(alias: str, primary: str, clusters: Clusters) -> Seen:
    """What is known of an alias before its server is asked."""
    connection = connections[alias]
    is_mirror = alias != primary and address_of(connection) == address_of(connections[primary])
    return Seen(
        alias=alias,
        primary=primary,
        is_asked=is_on_server(connection) and not (is_mirror and health.is_under_test()),
        wanted=wanted_server(connection),
        set_aside=health.replica(alias).why_out,
        is_read_only=primary in clusters.read_only,
    )


def _look_at(expected: Mapping[str, Seen], primaries: Mapping[str, Seen]) -> dict[str, Seen]:
    asked = {alias: apart(connections[alias]) for alias, seen in expected.items() if seen.is_asked}
    primary_of = {alias: primaries.get(seen.primary) for alias, seen in expected.items()}
    found = answers(
        {
            alias: partial(_ask, connection, expected[alias], primary_of[alias])
            for alias, connection in asked.items()
        }
    )
    for alias in asked.keys() - found.keys():
        shut(asked[alias])
        found[alias] = replace(expected[alias], error=LATE)
    return {alias: found.get(alias, seen) for alias, seen in expected.items()}


def _ask(connection: BaseDatabaseWrapper, seen: Seen, primary: Seen | None) -> Seen:
    """Ask one server all there is. What it tells before it fails counts."""
    began_at = time.monotonic()
    try:
        connection.ensure_connection()
        seen = replace(seen, connected_in=time.monotonic() - began_at)
        seen = replace(seen, facts=positions_of(connection).facts(connection))
        seen = _with_position(connection, seen)
        return seen if primary is None else _with_lag(connection, seen, primary)
    except Error as error:
        return replace(seen, error=one_line(error), is_full=is_full(error))
    finally:
        with contextlib.suppress(Error):
            connection.close()


def _with_position(connection: BaseDatabaseWrapper, seen: Seen) -> Seen:
    if seen.is_primary and seen.facts.takes_writes is False:
        return seen
    positions = positions_of(connection)
    try:
        position = (positions.of_log if seen.is_primary else positions.of_replica)(connection)
    except Error as error:
        if not is_refused(error):
            raise
        return replace(seen, refusal=one_line(error))
    timeline = None if position is None else positions.timeline_of(position)
    return replace(seen, position=position, timeline=timeline)


def _with_lag(connection: BaseDatabaseWrapper, seen: Seen, primary: Seen) -> Seen:
    """Wait a moment for what the primary had when it was asked."""
    wanted, here = primary.position, seen.position
    if wanted is None or here is None or not here.places or relation(seen, primary) != "same":
        return seen
    distance, began_at, waited = here.distance_to(wanted), time.monotonic(), 0.0
    while here is not None and here.is_behind(wanted):
        waited = time.monotonic() - began_at
        if waited >= _LAG_SECONDS:
            at_most = _most(seen, here, wanted, waited)
            return replace(seen, lag=Lag(at_least=waited, at_most=at_most, distance=distance))
        time.sleep(_POLL_SECONDS)
        here = positions_of(connection).of_replica(connection)
    return replace(seen, lag=Lag(at_least=waited, at_most=waited, distance=distance))


def _most(seen: Seen, here: Position, wanted: Position, waited: float) -> float | None:
    """How long the lag may be: as the server says, or since the last commit that it has."""
    if seen.facts.seconds_behind is not None:
        return max(waited, seen.facts.seconds_behind)
    if here.replayed_at is None:
        return None
    return waited + max(0.0, wanted.clock - here.replayed_at)
