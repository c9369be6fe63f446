"""A page that reads, and one that writes. Both tell where their reads went, and why."""

from django.db import transaction
from django.http import HttpRequest, JsonResponse

from ecosystem.notes.models import Note
from pinning.scopes import current_scope


def notes(request: HttpRequest) -> JsonResponse:
    """All notes."""
    return _page()


def edit(request: HttpRequest) -> JsonResponse:
    """Write ``text`` into all notes, in a transaction, or without one if ``bare`` is asked for."""
    if "bare" in request.POST:
        Note.objects.update(text=request.POST["text"])
    else:
        with transaction.atomic():
            for note in Note.objects.all():
                note.text = request.POST["text"]
                note.save()
    return _page()


def _page() -> JsonResponse:
    texts = list(Note.objects.order_by("id").values_list("text", flat=True))
    reads = current_scope().reads.get("default", {})
    return JsonResponse({"texts": texts, "reads": list(reads)})
