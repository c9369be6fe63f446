"""Says what is wrong with what was seen. No I/O.

A replica is compared with its primary. What could not be seen is no finding, but for a server that
does not answer.
"""

import math
from collections.abc import Iterator
from typing import Literal

from pinning.conf import Settings
from pinning.diagnosis.finding import Finding
from pinning.diagnosis.seen import Seen, SeenStore

#: From this share of its connections on a server is nearly full.
_NEARLY_FULL = 0.9

#: An alias that cannot be asked. That is told of a primary too when only its replica is checked.
UNREACHABLE = "pinning.W024"

Relation = Literal["itself", "same", "foreign", "unknown"]


def relation(replica: Seen, primary: Seen) -> Relation:
    """What the server of a replica's alias is to the primary: ``same`` is one of its cluster."""
    here, there = replica.facts, primary.facts
    if here.node and here.node == there.node:
        return "itself"
    if not here.logs or not there.logs:
        return "unknown"
    return "same" if here.logs & there.logs else "foreign"


def findings_of(seen: Seen, primary: Seen, settings: Settings) -> list[Finding]:
    """What is wrong with an alias, the cause before what follows from it."""
    found = [*_wants_primary(seen), *_cannot_be_asked(seen)]
    if seen.is_primary:
        found += _is_no_primary(seen, settings)
    else:
        found += _leads_elsewhere(seen, primary)
        found += _is_no_standby(seen, primary)
        found += _has_another_database(seen, primary)
        found += _sees_no_timeline(seen)
        found += _does_not_replay(seen)
        found += _is_on_another_timeline(seen, primary)
        found += _lags(seen, settings)
        found += _may_be_held(seen, settings)
    return [*found, *_tells_no_position(seen), *_is_nearly_full(seen)]


def _wants_primary(seen: Seen) -> Iterator[Finding]:
    if seen.wanted and not seen.is_primary:
        yield Finding(
            id="pinning.E042",
            about=seen.alias,
            what=f"DATABASES[{seen.alias!r}] connects with {seen.wanted}, which refuses a replica.",
            hint="Take it out of the replica's OPTIONS: it was copied from the primary, or the "
            "environment sets it for both.",
        )


def _cannot_be_asked(seen: Seen) -> Iterator[Finding]:
    if not seen.error:
        return
    what = "cannot be connected to" if seen.connected_in is None else "failed while it was asked"
    hint = "See whether the server runs and can be reached, and HOST, PORT, USER and PASSWORD."
    if seen.is_full:
        what, hint = "has no connection left", "It is up: allow it more, or use fewer."
    yield Finding(
        id=UNREACHABLE, about=seen.alias, what=f"{seen.alias!r} {what}: {seen.error}", hint=hint
    )


def _is_no_primary(seen: Seen, settings: Settings) -> Iterator[Finding]:
    if seen.facts.takes_writes is False and seen.alias not in settings.read_only:
        yield Finding(
            id="pinning.E043",
            about=seen.alias,
            what=f"The primary {seen.alias!r} takes no writes: {seen.facts.evidence}.",
            hint="Point the alias, or the name, pooler or proxy that it goes through, to the "
            "primary. A cluster that nobody writes to: name it in READ_ONLY.",
        )


def _leads_elsewhere(seen: Seen, primary: Seen) -> Iterator[Finding]:
    match relation(seen, primary):
        case "itself":
            yield Finding(
                id="pinning.W025",
                about=seen.alias,
                what=f"The replica {seen.alias!r} leads to the primary {primary.alias!r} itself, "
                "which gets its reads as well.",
                hint="Correct its HOST and PORT, or the name that they lead to.",
            )
        case "foreign":
            yield Finding(
                id="pinning.E044",
                about=seen.alias,
                what=f"The replica {seen.alias!r} is a server of another system than the primary "
                f"{primary.alias!r}, with other rows: {_logs(seen)}, not {_logs(primary)}.",
                hint="Correct its HOST and PORT. If it is the right server, build it anew as a "
                "replica of this primary.",
            )


def _logs(seen: Seen) -> str:
    return ", ".join(sorted(seen.facts.logs))


def _is_no_standby(seen: Seen, primary: Seen) -> Iterator[Finding]:
    if relation(seen, primary) in {"itself", "foreign"} or not seen.facts.takes_writes:
        return
    if seen.facts.is_standby is False:
        yield Finding(
            id="pinning.E045",
            about=seen.alias,
            what=f"The replica {seen.alias!r} is no standby, and shows what the primary no longer "
            f"has or never had: {seen.facts.evidence}.",
            hint="If it was promoted, point the primary's alias to it, and take it out of "
            "REPLICAS. Else build it anew.",
        )
    else:
        yield Finding(
            id="pinning.W026",
            about=seen.alias,
            what=f"The replica {seen.alias!r} takes writes: {seen.facts.evidence}. If it was "
            "promoted, it shows what the primary does not have.",
            hint=f"If it is a replica: {seen.facts.remedy}. If it was promoted, point the alias of "
            "the primary to it.",
        )


def _has_another_database(seen: Seen, primary: Seen) -> Iterator[Finding]:
    here, there = seen.facts.database, primary.facts.database
    if here and there and here != there:
        yield Finding(
            id="pinning.E046",
            about=seen.alias,
            what=f"The replica {seen.alias!r} reads the database {here!r}, and its primary "
            f"{primary.alias!r} is {there!r}.",
            hint=f"DATABASES[{seen.alias!r}] needs the NAME of {primary.alias!r}.",
        )


def _sees_no_timeline(seen: Seen) -> Iterator[Finding]:
    missing = seen.facts.missing
    if missing is not None:
        yield Finding(
            id="pinning.W016",
            about=seen.alias,
            what=f"The role {missing.role!r} cannot see which timeline the replica {seen.alias!r} "
            "is on, so every pin holds for WINDOW at least.",
            hint=f"manage.py pinning_grant --database {seen.primary} --role {missing.role} prints "
            "the SQL of a function that shows it and nothing else. Run that SQL on the primary as "
            "a superuser, or as the administrator of a managed database. "
            f"{missing.statement} also does it, but then the role sees the text of everybody's "
            "queries.",
        )


def _does_not_replay(seen: Seen) -> Iterator[Finding]:
    stopped = seen.facts.stopped
    if stopped is not None:
        yield Finding(
            id="pinning.W027",
            about=seen.alias,
            what=f"The replica {seen.alias!r} does not follow its primary: {stopped.what}.",
            hint=stopped.hint,
        )


def _is_on_another_timeline(seen: Seen, primary: Seen) -> Iterator[Finding]:
    here, there = seen.timeline, primary.timeline
    if here and there and here != there and here.isdigit():
        yield Finding(
            id="pinning.W035",
            about=seen.alias,
            what=f"The replica {seen.alias!r} is on timeline {here}, and its primary "
            f"{primary.alias!r} on {there}: it has not come along with a failover.",
            hint="Let it follow this primary, or build it anew.",
        )


def _lags(seen: Seen, settings: Settings) -> Iterator[Finding]:
    if seen.lag is None or settings.max_lag is None:
        return
    seconds = seen.lag.at_least if seen.lag.at_most is None else seen.lag.at_most
    if seconds > settings.max_lag:
        yield Finding(
            id="pinning.W028",
            about=seen.alias,
            what=f"The replica {seen.alias!r} lags by up to {seconds:.0f} s, more than MAX_LAG "
            f"({settings.max_lag:g} s).",
            hint="Find out why: a long query that holds the replay back, disk, network, a large "
            "write on the primary.",
        )


def _may_be_held(seen: Seen, settings: Settings) -> Iterator[Finding]:
    longest, most = seen.facts.longest_hold, settings.max_lag
    if longest is not None and most is not None and longest > most:
        told = "for ever" if longest == math.inf else f"for {longest:g} s"
        yield Finding(
            id="pinning.W029",
            about=seen.alias,
            what=f"One long query on the replica {seen.alias!r} may hold its replay back {told}, "
            f"longer than MAX_LAG ({most:g} s): it serves nobody then.",
            hint=f"Lower {seen.facts.hold_setting} there, or raise MAX_LAG.",
        )


def _tells_no_position(seen: Seen) -> Iterator[Finding]:
    if seen.refusal:
        yield Finding(
            id="pinning.W030",
            about=seen.alias,
            what=f"{seen.alias!r} may not be asked for its position, so pins hold for WINDOW: "
            f"{seen.refusal}",
            hint="Grant the right that the error names, or let WINDOW be longer than replicas lag.",
        )


def _is_nearly_full(seen: Seen) -> Iterator[Finding]:
    used, most = seen.facts.connections, seen.facts.most_connections
    if used is not None and most is not None and used >= most * _NEARLY_FULL:
        yield Finding(
            id="pinning.W031",
            about=seen.alias,
            what=f"{seen.alias!r} has {used} of {most} connections in use.",
            hint="Allow it more, use fewer processes and threads, or a pooler.",
        )


def findings_of_store(seen: SeenStore, settings: Settings) -> Iterator[Finding]:
    """What is wrong with a store."""
    condition = seen.condition
    if condition is None:
        yield Finding(
            id="pinning.W032",
            about=seen.name,
            what=f"The store {seen.name!r} does not answer: {seen.error}",
            hint="See whether its server runs and can be reached.",
        )
        return
    if not condition.is_complete:
        longest = max(settings.max_pin, settings.window)
        seconds = longest if condition.young_seconds is None else condition.young_seconds
        yield Finding(
            id="pinning.W033",
            about=seen.name,
            what=f"The store {seen.name!r} is new, was emptied or takes no pins: for up to "
            f"{seconds:.0f} s only pins that it finds count, and many reads go to the primary.",
            hint="Wait, if it is new. Else find out whether it is full, or who restarted it.",
        )
    if condition.evicts:
        yield Finding(
            id="pinning.W034",
            about=seen.name,
            what=f"The store {seen.name!r} may drop pins when its memory is full: "
            f"{condition.policy}.",
            hint="Set the policy noeviction, or give the pins a server of their own.",
        )
