"""The clusters, as the panel lists them: what lives in each, and how the events move."""

import os
from dataclasses import dataclass

from django.conf import settings

from example_project.activity.models import Event
from pinning import conf

_ALWAYS = {"default": ["people", "sessions", "notes", "comments", "likes"]}
_EVENTS = "events"
_MOVE = f"pinning_move {Event._meta.label} --to archive"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCluster:
    """A cluster: its name, its first replica, and what lives there now, in words."""

    name: str
    replica: str
    contents: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """What may be typed next, in another terminal, and what for."""

    what_for: str
    command: str


def shown_clusters() -> list[ShownCluster]:
    """All of them, as they are now."""
    home = _home_of_events()
    return [
        ShownCluster(
            name=name,
            replica=replicas[0],
            contents=", ".join(_ALWAYS.get(name, []) + [_EVENTS] * (name == home)) or "nothing yet",
        )
        for name, replicas in conf.settings().replicas.items()
    ]


def next_step() -> NextStep:
    """The next command of the move."""
    manage = os.environ.get("MANAGE", "manage.py")
    if _home_of_events() == "default":
        return NextStep(
            what_for="Move the events while you like notes", command=f"{manage} {_MOVE}"
        )
    if isinstance(settings.PINNING["MODELS"]["activity"], str):
        return NextStep(what_for="Ask what comes next", command=f"{manage} pinning_status")
    return NextStep(
        what_for="The events have moved. Stop, and name their cluster",
        command="EVENTS=archive make demo",
    )


def _home_of_events() -> str:
    return conf.clusters().names_of(Event)[0]
