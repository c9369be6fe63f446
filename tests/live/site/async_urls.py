"""The site with asynchronous views, where Django has them; the rest is the synchronous one's."""

from collections.abc import AsyncIterator

from django.contrib.auth import aauthenticate, alogin, alogout
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import path

from pinning import read_only, source_of, use_primary, use_replica
from tests.live.site import sync_urls
from tests.live.site.traced import note_list
from tests.notes.models import Note, Tag


async def notes(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        await Note.objects.acreate(text=request.POST["text"])
        return HttpResponseRedirect("/notes")
    return note_list([note.text async for note in Note.objects.order_by("pk")])


async def tagged(request: HttpRequest) -> HttpResponse:
    await Tag.objects.aget_or_create(name=request.POST["name"])
    return HttpResponse()


async def get_that_writes(request: HttpRequest) -> HttpResponse:
    await Note.objects.acreate(text=request.GET["text"])
    return HttpResponse()


async def failed(request: HttpRequest) -> HttpResponse:
    await Note.objects.acreate(text=request.POST["text"])
    raise RuntimeError("after the commit")


async def streamed(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[str]:
        async for note in Note.objects.order_by("pk"):
            yield f"{source_of(note)}:{note.text}\n"
        if "text" in request.GET:
            await Note.objects.acreate(text=request.GET["text"])
            yield "written\n"

    return StreamingHttpResponse(parts())


@read_only
async def search(request: HttpRequest) -> HttpResponse:
    found = Note.objects.filter(text=request.POST["text"])
    return note_list([note.text async for note in found])


async def sign_in(request: HttpRequest) -> HttpResponse:
    user = await aauthenticate(request, username="writer", password="secret")
    await alogin(request, user)
    return HttpResponseRedirect("/me")


async def sign_out(request: HttpRequest) -> HttpResponse:
    await alogout(request)
    return HttpResponseRedirect("/me")


async def me(request: HttpRequest) -> JsonResponse:
    user = await request.auser()
    return JsonResponse({"user": user.get_username()})


urlpatterns = [
    path("notes", notes),
    path("notes/on-primary", use_primary(notes)),
    path("notes/on-replica", use_replica(notes)),
    path("notes/search", search),
    path("notes/streamed", streamed),
    path("notes/failed", failed),
    path("notes/by-get", get_that_writes),
    path("tags", tagged),
    path("sign-in", sign_in),
    path("sign-out", sign_out),
    path("me", me),
    *sync_urls.urlpatterns,
]
