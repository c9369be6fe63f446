"""The page of events."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from example_project.activity.events import latest


@require_safe
def activity(request: Any) -> HttpResponse:
    """What people did, and where this page was read."""
    context = {"events": latest(), "queries": request.read_log.queries}
    return render(request, "activity/page.html", context)
