"""The control strip and the panel that updates itself."""

import time
from collections.abc import Callable
from typing import Any

import psycopg
from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from example_project.panel.chart import draw
from example_project.panel.machine import COOKIE, MOST_LAG_SECONDS, REDIS, machine
from example_project.panel.meter import meter
from example_project.panel.modes import Mode
from example_project.panel.pins import shown_pins
from example_project.panel.reads import runs_of
from pinning import read_only
from pinning.testing.processes import ServerError

_MOST_RUNS_SHOWN = 12

_ACTIONS: dict[str, Callable[[], None]] = {
    "pause": lambda: machine().pause(),
    "resume": lambda: machine().resume(),
    "kill": lambda: machine().kill(),
    "restart": lambda: machine().restart(),
}
_MODES = {Mode.OFF: "off", Mode.CLOCK: "by clock", Mode.POSITION: "by position"}
_REPLAY = {
    "running": "replays",
    "pausing": "pauses after this commit",
    "paused": "paused",
    "dead": "is dead",
}


class ControlsForm(forms.Form):
    """What the strip may ask for: any of these, the others stay as they are."""

    lag = forms.FloatField(required=False, min_value=0, max_value=MOST_LAG_SECONDS)
    mode = forms.TypedChoiceField(
        required=False, choices=[(mode, mode) for mode in Mode], coerce=Mode, empty_value=None
    )
    store = forms.ChoiceField(required=False, choices=[(COOKIE, COOKIE), (REDIS, REDIS)])
    action = forms.ChoiceField(required=False, choices=[(name, name) for name in _ACTIONS])


@read_only
@require_http_methods(["GET", "POST"])
def controls(request: Any) -> HttpResponse:
    """GET shows the strip as it stands; POST does what was asked, and says so if it failed."""
    problem = ""
    if request.method == "POST":
        form = ControlsForm(request.POST)
        problem = _do(form.cleaned_data) if form.is_valid() else "There is no such control."
        if not request.htmx:
            return redirect("board")
    return render(request, "panel/controls.html", {**strip(), "problem": problem})


@require_safe
def panel(request: Any) -> HttpResponse:
    """The chart, this visitor's pins, and where their last reads went."""
    return render(request, "panel/panel.html", panel_of(request))


def strip() -> dict[str, Any]:
    """What the strip's template needs."""
    state = machine().state
    return {
        "state": state,
        "modes": _MODES.items(),
        "replay_title": _REPLAY[state.replay],
        "most_lag": MOST_LAG_SECONDS,
    }


def panel_of(request: Any) -> dict[str, Any]:
    """What the panel's template needs."""
    now = time.monotonic()
    return {
        "chart": draw(meter.samples, now, machine().state.lag_seconds),
        "lag": meter.lag,
        "pins": shown_pins(),
        "runs": list(runs_of(request.visitor))[:_MOST_RUNS_SHOWN],
    }


def _do(asked: dict[str, Any]) -> str:
    """Do it. What went wrong, in a sentence; empty where nothing did."""
    try:
        if asked["lag"] is not None:
            machine().set_lag(asked["lag"])
        if asked["mode"]:
            machine().set_mode(asked["mode"])
        if asked["store"]:
            machine().set_store(asked["store"])
        if asked["action"]:
            _ACTIONS[asked["action"]]()
    except (ServerError, psycopg.Error) as error:
        return str(error).splitlines()[0]
    return ""
