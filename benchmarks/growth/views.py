"""The site's pages: one that writes a note, and one that shows the latest note of somebody."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from benchmarks.notes.models import Note
from pinning import current_scope


def write(request: HttpRequest) -> HttpResponse:
    """Write a note."""
    Note.objects.create(text=request.POST["text"])
    return HttpResponse(status=201)


def latest(request: HttpRequest) -> JsonResponse:
    """The newest note of the one who asks, if there is any; where it was read and why."""
    scope = current_scope()
    assert scope is not None
    scope.trace = []
    mine = Note.objects.filter(text__startswith=f"{request.GET['of']}.").order_by("-pk")
    texts = [note.text for note in mine[:1]]
    _, alias, reason, _ = scope.trace[-1]
    return JsonResponse({"notes": texts, "alias": alias, "reason": reason})


urlpatterns = [path("notes", write), path("notes/latest", latest)]
