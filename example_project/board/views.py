"""The page of the board, and the switch on it."""

from typing import Any

from django import forms
from django.db import DatabaseError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from example_project.board import switch
from example_project.board.models import Note

_MOST_SHOWN = 50


class NoteForm(forms.ModelForm):
    """A new note."""

    class Meta:
        model = Note
        fields = ["text"]


@require_http_methods(["GET", "POST"])
def board(request: Any) -> HttpResponse:
    """GET shows the notes; POST adds one and redirects to the GET, which has to show it."""
    form = NoteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        form.save()
        return redirect("board")
    return render(request, "board/page.html", {"form": form, **_what_there_is(request)})


@require_POST
def turn_pinning(request: Any) -> HttpResponse:
    """Turn pinning on or off for this visitor."""
    response = redirect("board")
    switch.turn(response, "off" if request.POST.get("turn") == "off" else "on")
    return response


def _what_there_is(request: Any) -> dict[str, Any]:
    """The notes as any view would read them, and beside them what each database has by now."""
    notes = list(Note.objects.all()[:_MOST_SHOWN])
    read = request.query_log.queries[-1]
    on_primary = _numbers_on("default")
    try:
        behind = on_primary - _numbers_on(switch.REPLICA)
    except DatabaseError:  # a site goes on without its replica, and so does this page
        behind = None
    return {
        "notes": notes,
        "read": read,
        "behind": behind,
        "unseen": on_primary - {note.pk for note in notes},
        "is_on": switch.is_on(),
        "queries": request.query_log.queries,
    }


def _numbers_on(alias: str) -> set[int]:
    return set(Note.objects.using(alias).values_list("pk", flat=True)[:_MOST_SHOWN])
