"""The site with synchronous views."""

from collections.abc import Iterator

from django import forms
from django.contrib.auth import authenticate, login, logout
from django.db import connections, transaction
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import path

from pinning import mark_written, read_only, source_of, use_primary, use_replica
from tests.live.site import drivers
from tests.live.site.traced import note_list
from tests.notes.models import Comment, Note, Tag


class NoteForm(forms.ModelForm):
    class Meta:
        model = Note
        fields = ["text"]


def notes(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        Note.objects.create(text=request.POST["text"])
        return HttpResponseRedirect("/notes")
    return note_list([note.text for note in Note.objects.order_by("pk")])


def validated(request: HttpRequest) -> HttpResponse:
    form = NoteForm(request.POST)
    return HttpResponse() if form.is_valid() and form.save() else HttpResponseBadRequest()


def rolled_back(request: HttpRequest) -> HttpResponse:
    with transaction.atomic():
        Note.objects.create(text=request.POST["text"])
        transaction.set_rollback(True)
    return HttpResponse()


def tagged(request: HttpRequest) -> HttpResponse:
    Tag.objects.get_or_create(name=request.POST["name"])
    return HttpResponse()


def get_that_writes(request: HttpRequest) -> HttpResponse:
    Note.objects.create(text=request.GET["text"])
    return HttpResponse()


def written_and_read(request: HttpRequest) -> HttpResponse:
    Note.objects.create(text=request.GET["text"])
    return note_list([note.text for note in Note.objects.order_by("pk")])


def mine(request: HttpRequest) -> HttpResponse:
    """The user is resolved before the view reads."""
    assert request.user.is_authenticated
    return notes(request)


def latest(request: HttpRequest) -> HttpResponse:
    """The newest note of the one who asks, if there is any."""
    mine = Note.objects.filter(text__startswith=f"{request.GET['of']}.").order_by("-pk")
    return note_list([note.text for note in mine[:1]])


def raw(request: HttpRequest) -> HttpResponse:
    with connections["default"].cursor() as cursor:
        cursor.execute("INSERT INTO notes_note (text) VALUES (%s)", [request.POST["text"]])
    return HttpResponse()


def unseen(request: HttpRequest) -> HttpResponse:
    """Writes on the driver's own cursor, which no wrapper sees."""
    with connections["default"].cursor() as cursor:
        own = cursor.connection.cursor()
        own.execute("INSERT INTO notes_note (text) VALUES (%s)", [request.POST["text"]])
    mark_written()
    return HttpResponse()


def failed(request: HttpRequest) -> HttpResponse:
    Note.objects.create(text=request.POST["text"])
    raise RuntimeError("after the commit")


def commented(request: HttpRequest) -> HttpResponse:
    note = Note.objects.get(text=request.POST["note"])
    note.comments.update(text=request.POST["text"])
    return HttpResponse()


def comments(request: HttpRequest) -> HttpResponse:
    return note_list([comment.text for comment in Comment.objects.order_by("pk")])


def streamed(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        for note in Note.objects.order_by("pk"):
            yield f"{source_of(note)}:{note.text}\n"
        if "text" in request.GET:
            Note.objects.create(text=request.GET["text"])
            yield "written\n"

    return StreamingHttpResponse(parts())


def rendered(request: HttpRequest) -> TemplateResponse:
    template = engines["django"].from_string("{% for note in notes %}{{ note.text }} {% endfor %}")
    return TemplateResponse(request, template, {"notes": Note.objects.order_by("pk")})


@read_only
def search(request: HttpRequest) -> HttpResponse:
    return note_list([note.text for note in Note.objects.filter(text=request.POST["text"])])


def atomic_block(request: HttpRequest) -> HttpResponse:
    with transaction.atomic():
        return note_list([note.text for note in Note.objects.order_by("pk")])


def sign_in(request: HttpRequest) -> HttpResponse:
    user = authenticate(request, username="writer", password="secret")
    login(request, user)
    return HttpResponseRedirect("/me")


def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponseRedirect("/me")


def me(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"user": request.user.get_username()})


def driver(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"driver": drivers.used(connections["default"].Database)})


urlpatterns = [
    path("driver", driver),
    path("notes", notes),
    path("notes/latest", latest),
    path("notes/mine", mine),
    path("notes/on-primary", use_primary(notes)),
    path("notes/on-replica", use_replica(notes)),
    path("notes/rendered", rendered),
    path("notes/rendered/on-primary", use_primary(rendered)),
    path("notes/search", search),
    path("notes/atomic", atomic_block),
    path("notes/streamed", streamed),
    path("notes/validated", validated),
    path("notes/rolled-back", rolled_back),
    path("notes/raw", raw),
    path("notes/unseen", unseen),
    path("notes/failed", failed),
    path("notes/by-get", get_that_writes),
    path("notes/written-and-read", written_and_read),
    path("tags", tagged),
    path("comments", comments),
    path("comments/update", commented),
    path("sign-in", sign_in),
    path("sign-out", sign_out),
    path("me", me),
]
