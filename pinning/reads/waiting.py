"""Waits a little for a replica to catch up, which saves a read on the primary."""

import time
from collections.abc import Iterable

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import conf
from pinning.conf import Cluster
from pinning.databases import fetch_row, is_in_transaction, positions_of
from pinning.health import QUESTION_SECONDS, give_up_if_lost, is_usable, replica
from pinning.pins import Pin
from pinning.reads.caught_up import has_reached, is_known
from pinning.scopes import ClusterWork

#: However late a replica was, it is asked so often.
_LONGEST_PAUSE_SECONDS = 0.025

#: A wait in the server ends after so many seconds, and is begun again if it is worth its while.
_LONGEST_IN_SERVER_SECONDS = 0.1


def wait_for_first(
    cluster: Cluster,
    work: ClusterWork,
    behind: Iterable[BaseDatabaseWrapper],
    pins: tuple[Pin, ...],
    seconds: float,
) -> BaseDatabaseWrapper | None:
    """The first of the connections ``behind`` that reaches ``pins`` within ``seconds``, or None.

    The wait ends as soon as no replica can make it in time, judging by what this process has seen
    of them, or is out. It does not begin while a transaction is open on the primary, nor for a pin
    that ends by the clock. A database that can tells when it has the pins, if only one replica is
    in question. Otherwise it is asked when it is likely to have them, which takes one question as
    a rule. All who wait for a replica share the answers, and ask once a millisecond at most.
    """
    begun = time.monotonic()
    end = begun + seconds
    hopeful = [each for each in behind if not _is_hopeless(each, seconds)]
    left = _in_time(cluster, hopeful, pins, seconds) if may_wait(cluster, pins) else []
    paused = 0.0  # counted as well: a test may have stopped the clock
    while left:
        rest = max(0.0, min(end - time.monotonic(), seconds - paused))
        found, pause = _after_a_while(cluster, left, pins, rest)
        paused += pause
        work.waited = time.monotonic() - begun
        if found is not None:
            _note_end([found], seconds, is_in_vain=False)
            return found
        if pause >= rest or time.monotonic() >= end:
            _note_end(left, seconds, is_in_vain=True)
            return None
        left = _in_time(cluster, left, pins, end - time.monotonic())
    return None


def is_soon(
    cluster: Cluster, connection: BaseDatabaseWrapper, pins: tuple[Pin, ...], seconds: float
) -> bool:
    """Whether a question would come too early, and a wait of ``seconds`` may begin without it."""
    return (
        0 < _likely_in(connection, pins) <= seconds
        and not _is_hopeless(connection, seconds)
        and not is_in_transaction(connection)
        and may_wait(cluster, pins)
    )


def _after_a_while(
    cluster: Cluster, left: list[BaseDatabaseWrapper], pins: tuple[Pin, ...], seconds: float
) -> tuple[BaseDatabaseWrapper | None, float]:
    """The connection whose replica has the pins after some of ``seconds``; and after how many."""
    if len(left) == 1 and _has_waited_in_server(left[0], pins, seconds):
        is_there = is_usable(cluster, left[0].alias) and has_reached(left[0], pins)
        return (left[0] if is_there else None), min(seconds, _LONGEST_IN_SERVER_SECONDS)
    pause = min(_pause(left, pins), seconds)
    time.sleep(pause)
    return next((each for each in left if _has_come(cluster, each, pins)), None), pause


def _has_waited_in_server(
    connection: BaseDatabaseWrapper, pins: tuple[Pin, ...], seconds: float
) -> bool:
    """Wait in the replica itself, if it can do that. False if nothing was waited for."""
    seconds, left = min(seconds, _LONGEST_IN_SERVER_SECONDS), _unknown(connection, pins)
    try:
        statement = positions_of(connection).waiting_for(connection, left, seconds)
        if statement:
            with replica(connection.alias).wait(connection, seconds=seconds):
                fetch_row(connection, statement)
        return bool(statement)
    except Error as error:
        give_up_if_lost(connection, error)
        return False


def _note_end(waited_for: list[BaseDatabaseWrapper], seconds: float, *, is_in_vain: bool) -> None:
    for connection in waited_for:
        progress = replica(connection.alias).progress
        progress.note_wait(seconds, time.monotonic(), is_in_vain=is_in_vain)


def may_wait(cluster: Cluster, pins: tuple[Pin, ...]) -> bool:
    """Whether a read may wait for ``pins`` at all: no transaction is open, and no clock decides."""
    if is_in_transaction(connections[cluster.primary]):
        return False
    settings, now = conf.settings(), time.time()
    window, max_pin = settings.window, settings.max_pin
    by_clock = (pin for pin in pins if pin.is_by_clock)
    return all(pin.is_over(None, now, window=window, max_pin=max_pin) for pin in by_clock)


def _in_time(
    cluster: Cluster,
    behind: Iterable[BaseDatabaseWrapper],
    pins: tuple[Pin, ...],
    seconds: float,
) -> list[BaseDatabaseWrapper]:
    """The connections whose replica may have the pins within ``seconds``."""
    return [
        connection
        for connection in behind
        if seconds > 0
        and not is_in_transaction(connection)
        and is_usable(cluster, connection.alias)
        and _seconds_until(connection, pins) <= seconds
    ]


def _is_hopeless(connection: BaseDatabaseWrapper, seconds: float) -> bool:
    return replica(connection.alias).progress.is_hopeless(seconds, time.monotonic())


def _pause(left: list[BaseDatabaseWrapper], pins: tuple[Pin, ...]) -> float:
    """Until one of the replicas is likely to have the pins. That is a guess, so it is short."""
    soonest = min(_likely_in(connection, pins) for connection in left)
    return min(max(QUESTION_SECONDS, soonest), _LONGEST_PAUSE_SECONDS)


def _likely_in(connection: BaseDatabaseWrapper, pins: tuple[Pin, ...]) -> float:
    progress, now = replica(connection.alias).progress, time.time()
    return max((progress.likely_in(pin, now) for pin in _unknown(connection, pins)), default=0.0)


def _seconds_until(connection: BaseDatabaseWrapper, pins: tuple[Pin, ...]) -> float:
    """Until it may have the pins at the soonest, by either guess."""
    progress, now = replica(connection.alias).progress, time.time()
    left = _unknown(connection, pins)
    soonest = max((progress.seconds_until(pin, now) for pin in left), default=0.0)
    return min(soonest, _likely_in(connection, pins))


def _unknown(connection: BaseDatabaseWrapper, pins: tuple[Pin, ...]) -> list[Pin]:
    """The pins of which the connection has not been told that the replica has them."""
    return [pin for pin in pins if not (pin.is_by_clock or is_known(connection, pin))]


def _has_come(cluster: Cluster, connection: BaseDatabaseWrapper, pins: tuple[Pin, ...]) -> bool:
    """Whether the replica has the pins, as another wait has heard, or as it says now."""
    if _unknown(connection, pins) and not replica(connection.alias).progress.may_ask(
        time.monotonic()
    ):
        return False
    return is_usable(cluster, connection.alias) and has_reached(connection, pins)
