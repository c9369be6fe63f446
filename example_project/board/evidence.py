"""Looks at what a page shows and at what there is, at one moment."""

from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError, connections

from example_project.board.contents import MOST_NOTES, ShownNote, read_notes
from example_project.board.models import Note
from example_project.panel import progress
from example_project.panel.modes import REPLICA, mode
from example_project.panel.reads import waited
from example_project.panel.runs import Run
from example_project.panel.verdict import Evidence
from pinning import conf

_MOST_LOOKS = 3


def gather(request: Any) -> Evidence:
    """Read the page as any view would, and then each database.

    If a write has ended or arrived meanwhile, that was no single moment: it looks again.
    """
    for _ in range(_MOST_LOOKS):
        before = progress.ask()
        evidence = _look(request, before)
        if progress.ask() == before:
            break
    return evidence


def _look(request: Any, known: progress.Progress) -> Evidence:
    shown = read_notes()
    with request.read_log.paused():
        mine = Note.objects.using("default").filter(visitor=request.visitor)
        return Evidence(
            shown=shown,
            primary=read_notes("default"),
            replica=_on_replica(),
            mine=dict(mine.values_list("pk", "text")[:MOST_NOTES]),
            read=_read_of_notes(request),
            mode=mode(),
            window=conf.settings().window,
            progress=known,
            waited=waited(),
        )


def _on_replica() -> Mapping[int, ShownNote] | None:
    """A site goes on without its replica, and so does this page."""
    try:
        return read_notes(REPLICA)
    except DatabaseError:
        connections[REPLICA].close()
        return None


def _read_of_notes(request: Any) -> Run:
    """The last, as one whose replica fails under it is run again on the primary."""
    queries: list[Run] = request.read_log.queries
    return next(run for run in reversed(queries) if run.model == Note._meta.label)
