"""One page: it shows the notes, and takes new ones."""

from typing import Any

from django.http import HttpResponse
from django.urls import path

from notes.models import Note


def notes(request: Any) -> HttpResponse:
    if request.method == "POST":
        Note.objects.create(text=request.POST["text"])
    return HttpResponse(" ".join(note.text for note in Note.objects.all()))


urlpatterns = [path("notes/", notes)]
