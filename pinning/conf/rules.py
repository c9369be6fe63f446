"""The rules for each key of the PINNING setting, and the messages for wrong values."""

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

#: The values that TASKS may have.
PRIMARY = "primary"
REPLICA = "replica"

#: What USE_REPLICAS says, and a callable in its place, for: count what replicas would do.
SHADOW = "shadow"


class Problem(NamedTuple):
    """One wrong value: the id of its system check, what is wrong, and what to do."""

    id: str
    message: str
    hint: str


class Rule(NamedTuple):
    """What one key of PINNING must be."""

    id: str
    test: Callable[[Any], bool]
    must: str
    hint: str


def _is_names(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9


def _is_zero_or_positive(value: object) -> bool:
    return _is_positive(value) or (value == 0 and not isinstance(value, bool))


def _is_share(value: object) -> bool:
    return _is_zero_or_positive(value) and value <= 1  # type: ignore[operator]


def _is_positive_or_none(value: object) -> bool:
    return value is None or _is_positive(value)


def _is_replicas(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(primary, str) and (_is_names(replicas) or _is_weights(replicas))
        for primary, replicas in value.items()
    )


def _is_weights(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(alias, str) and _is_positive(weight) for alias, weight in value.items()
    )


def _is_models(value: object) -> bool:
    return _is_names(value) and all(label.count(".") == 1 for label in value)  # type: ignore[attr-defined]


def _is_homes(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(label, str)
        and label.count(".") <= 1
        and all(label.split("."))
        and ((isinstance(home, str) and home != "") or callable(home))
        for label, home in value.items()
    )


_COOKIE_TYPES: dict[str, tuple[type, ...]] = {
    "NAME": (str,),
    "DOMAIN": (str, type(None)),
    "PATH": (str, type(None)),
    "SECURE": (bool, type(None)),
    "SAMESITE": (str, type(None)),
}


def _is_cookie(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and all(
            key in _COOKIE_TYPES and isinstance(item, _COOKIE_TYPES[key])
            for key, item in value.items()
        )
        and re.fullmatch(r"[A-Za-z0-9_-]{1,20}", str(value.get("NAME", "pinning"))) is not None
        and str(value.get("SAMESITE", "Lax")) in {"Lax", "Strict", "None"}
    )


RULES: dict[str, Rule] = {
    "REPLICAS": Rule(
        "pinning.E003",
        _is_replicas,
        "a dict from the alias of a primary to a list of the aliases of its replicas, or to a dict "
        "from these aliases to positive weights",
        'For example: "REPLICAS": {"default": ["replica1"]}.',
    ),
    "WINDOW": Rule(
        "pinning.E004",
        _is_positive,
        "a positive number of seconds",
        "Take the longest replication lag that you expect. 5 suits most sites.",
    ),
    "MAX_PIN": Rule(
        "pinning.E005",
        _is_positive,
        "a positive number of seconds",
        "It caps how long a pin with a position may hold. 60 suits most sites.",
    ),
    "STORES": Rule(
        "pinning.E006",
        lambda value: _is_names(value) and len(value) > 0,
        "a list of at least one store",
        'Name "cookie", "redis", "cache" or the dotted path of a Store class.',
    ),
    "COOKIE": Rule(
        "pinning.E007",
        _is_cookie,
        "a dict with some of NAME, DOMAIN, PATH, SECURE, SAMESITE",
        "Leave a key out to do the same as the session cookie.",
    ),
    "CACHE": Rule(
        "pinning.E008",
        lambda value: isinstance(value, str),
        "the alias of a cache",
        "Name an entry of CACHES.",
    ),
    "IDENTITY": Rule(
        "pinning.E032",
        lambda value: value is None or callable(value) or (isinstance(value, str) and "." in value),
        "None, a callable that takes the request, or the dotted path of one",
        "Leave it out, unless sessions, users and tokens are not enough to know your clients.",
    ),
    "IDENTITY_HEADERS": Rule(
        "pinning.E041",
        lambda value: (
            _is_names(value) and all(re.fullmatch(r"[A-Za-z0-9-]+", name) for name in value)
        ),
        "a list of the names of headers",
        'For example: "IDENTITY_HEADERS": ["Authorization", "X-Api-Key"].',
    ),
    "PRIMARY_MODELS": Rule(
        "pinning.E009",
        _is_models,
        'a list of "app_label.Model"',
        'For example: "PRIMARY_MODELS": ["auth.User"].',
    ),
    "UNPINNED_MODELS": Rule(
        "pinning.E034",
        _is_models,
        'a list of "app_label.Model"',
        'For example: "UNPINNED_MODELS": ["sessions.Session"].',
    ),
    "MODELS": Rule(
        "pinning.E022",
        _is_homes,
        'a dict from "app_label" or "app_label.Model" to the name of a cluster or a callable',
        'For example: "MODELS": {"shop": "orders"}.',
    ),
    "READ_ONLY": Rule(
        "pinning.E026",
        _is_names,
        "a list of the names of clusters",
        'For example: "READ_ONLY": ["legacy"].',
    ),
    "SAFE_METHODS": Rule(
        "pinning.E010",
        lambda value: _is_names(value) or callable(value),
        "a list of HTTP methods, or a callable that takes the request",
        "Leave it out: GET, HEAD, OPTIONS and TRACE are safe.",
    ),
    "USE_REPLICAS": Rule(
        "pinning.E011",
        lambda value: isinstance(value, bool) or callable(value) or value == SHADOW,
        'True, False, "shadow" or a callable that takes the request',
        "False sends every read to the primary.",
    ),
    "SHADOW_SAMPLE": Rule(
        "pinning.E047",
        _is_share,
        "a number from 0 to 1",
        "It says which part of the reads shadow mode compares. 0 compares nothing, 0.01 is plenty.",
    ),
    "RETRY_AFTER": Rule(
        "pinning.E012",
        _is_positive,
        "a positive number of seconds",
        "It says how long a replica or store that failed is left alone. 10 suits most sites.",
    ),
    "MAX_LAG": Rule(
        "pinning.E029",
        _is_positive_or_none,
        "a positive number of seconds, or None",
        "A replica that lags more gets no reads. 30 suits most sites; None allows any lag.",
    ),
    "PROBE_TIMEOUT": Rule(
        "pinning.E030",
        _is_positive_or_none,
        "a positive number of seconds, or None",
        "Take more than twice the round trip to the replicas, 0.1 on most sites. None: no probes.",
    ),
    "WAIT": Rule(
        "pinning.E039",
        _is_zero_or_positive,
        "a number of seconds, 0 or more",
        "It says how long a read of a pinned user may wait for a replica. 0 waits for nothing.",
    ),
    "TASK_WAIT": Rule(
        "pinning.E040",
        _is_zero_or_positive,
        "a number of seconds, 0 or more",
        "It says how long a task's read may wait for a replica. 0.5 suits most sites.",
    ),
    "TASKS": Rule(
        "pinning.E031",
        lambda value: value in (PRIMARY, REPLICA),
        '"primary" or "replica"',
        "It says where a task that brings no pins reads.",
    ),
}


def find_problems(raw: object) -> list[Problem]:
    """All problems of PINNING that can be seen from its value alone."""
    if not isinstance(raw, Mapping):
        return [
            Problem(
                "pinning.E001",
                f"PINNING must be a dict, not {raw!r}.",
                'For example: PINNING = {"REPLICAS": {"default": ["replica1"]}}.',
            )
        ]
    problems = [_unknown_key(key) for key in raw if key not in RULES]
    for key, rule in RULES.items():
        if key in raw and not rule.test(raw[key]):
            message = f"PINNING[{key!r}] must be {rule.must}, not {raw[key]!r}."
            problems.append(Problem(rule.id, message, rule.hint))
    return problems


def _unknown_key(key: object) -> Problem:
    near = difflib.get_close_matches(str(key).upper(), RULES, n=1, cutoff=0.0)
    return Problem(
        "pinning.E002", f"PINNING has an unknown key {key!r}.", f"Did you mean {near[0]!r}?"
    )
