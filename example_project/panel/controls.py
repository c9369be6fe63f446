"""The controls: what they may be asked for, and what their template needs."""

from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from django import forms

from example_project.panel.machine import COOKIE, MOST_LAG_SECONDS, REDIS, machine
from example_project.panel.modes import Mode
from example_project.panel.progress import Progress
from pinning.testing.processes import ServerError

_ACTIONS: dict[str, Callable[[], None]] = {
    "pause": lambda: machine().pause(),
    "resume": lambda: machine().resume(),
    "kill": lambda: machine().kill(),
    "restart": lambda: machine().restart(),
}
_MODES = {Mode.OFF: "off", Mode.CLOCK: "by clock", Mode.POSITION: "by position"}
_WAITS = {0.0: "not at all", 0.02: "20 ms", 2.0: "2 s"}
_REPLAY = {
    "running": "replays",
    "pausing": "pauses after this commit",
    "paused": "paused",
    "dead": "is dead",
}


class ControlsForm(forms.Form):
    """What may be asked for: any of these, the others stay as they are."""

    lag = forms.FloatField(required=False, min_value=0, max_value=MOST_LAG_SECONDS)
    mode = forms.TypedChoiceField(
        required=False, choices=[(mode, mode) for mode in Mode], coerce=Mode, empty_value=None
    )
    wait = forms.TypedChoiceField(
        required=False, choices=list(_WAITS.items()), coerce=float, empty_value=None
    )
    store = forms.ChoiceField(required=False, choices=[(COOKIE, COOKIE), (REDIS, REDIS)])
    action = forms.ChoiceField(required=False, choices=[(name, name) for name in _ACTIONS])


def work(asked: Mapping[str, Any]) -> str:
    """Do what is asked for. What went wrong, in a sentence; empty where nothing did."""
    form = ControlsForm(asked)
    if not form.is_valid():
        return "There is no such control."
    try:
        _do(form.cleaned_data)
    except (ServerError, psycopg.Error) as error:
        return str(error).splitlines()[0]
    return ""


def controls_at(progress: Progress) -> dict[str, Any]:
    """What the controls' template needs."""
    return {
        "state": machine().state,
        "replay": progress.replay,
        "replay_title": _REPLAY[progress.replay],
        "modes": _MODES.items(),
        "waits": _WAITS.items(),
        "most_lag": MOST_LAG_SECONDS,
    }


def _do(asked: Mapping[str, Any]) -> None:
    if asked["lag"] is not None:
        machine().set_lag(asked["lag"])
    if asked["mode"]:
        machine().set_mode(asked["mode"])
    if asked["wait"] is not None:
        machine().set_wait(asked["wait"])
    if asked["store"]:
        machine().set_store(asked["store"])
    if asked["action"]:
        _ACTIONS[asked["action"]]()
