"""Notes events, and lists them."""

from django.db import DatabaseError

from example_project.activity.models import Event

_MOST_SHOWN = 20


def record(text: str) -> str:
    """Note what somebody did. What went wrong, in a sentence; empty where nothing did.

    While events move to another cluster, nobody can write them for some seconds.
    """
    try:
        Event.objects.create(text=text)
    except DatabaseError as error:
        return f"That was done, but is in no event: {str(error).splitlines()[0]}"
    return ""


def latest() -> list[Event]:
    """The newest events, from wherever the router sends the read."""
    return list(Event.objects.all()[:_MOST_SHOWN])
