"""With pinning off, a dead replica ends a request: the page that says so."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from example_project.board.forms import NoteForm
from example_project.panel import progress
from example_project.panel.controls import controls_at
from example_project.panel.modes import Mode, mode
from example_project.panel.panel import panel_at
from example_project.panel.verdict import NO_ANSWER


class NoAnswerMiddleware:
    """Shows that page, with the controls and the panel."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: Any, exception: Exception) -> HttpResponse | None:
        """503, but 200 for a script, which takes only such an answer."""
        if mode() is not Mode.OFF or not isinstance(exception, OperationalError):
            return None
        if request.resolver_match.url_name == "other":
            return render(request, "board/pane.html", {"pane": "other", "verdict": NO_ANSWER})
        known = progress.ask()
        context = {
            "pane": "notes",
            "verdict": NO_ANSWER,
            "form": NoteForm(initial=request.POST.dict()),
            "user": AnonymousUser(),  # who it really is the replica would have told
            **controls_at(known),
            **panel_at(known, known.behind, request.visitor),
        }
        return render(request, "board/page.html", context, status=200 if request.htmx else 503)
