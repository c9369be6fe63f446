"""The pages of an application that is tested: some are written with a bug, some are correct."""

import contextvars
import threading

from django.contrib.auth.decorators import login_required
from django.db import connections, transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

from pinning import in_scope, scope, unpinned
from tests.notes.models import Audit, Note


def texts():
    return HttpResponse(" ".join(note.text for note in Note.objects.order_by("pk")))


def write():
    Note.objects.create(text="new")


def notes(request):
    if request.method == "POST":
        write()
        return HttpResponse()
    return texts()


@login_required
def own(request):
    return notes(request)


def session(request):
    return HttpResponse(request.session.get("name", ""))


def visit(request):
    """A GET that writes."""
    write()
    return HttpResponse()


def counted(request):
    with unpinned():
        Audit.objects.create(text="a visit")
    return HttpResponse(Audit.objects.count())


def streamed(request):
    """Its body writes when the headers have left."""

    def body():
        write()
        yield b"done"

    return StreamingHttpResponse(body())


def late(request):
    """It writes when the response is closed."""
    response = HttpResponse()
    response._resource_closers.append(write)
    return response


def lost(request):
    """It writes in a context that knows of no scope, as some pools of threads do it."""
    contextvars.Context().run(write)
    return HttpResponse()


def run_in_thread(function):
    """Run it in a thread that shares the test's connection, as for a live server."""
    shared = connections["default"]
    shared.inc_thread_sharing()

    def run():
        connections["default"] = shared
        function()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    shared.dec_thread_sharing()


def thread(request):
    run_in_thread(write)
    return HttpResponse()


def own_thread(request):
    run_in_thread(in_scope(write))
    return HttpResponse()


def job(request):
    """Has a job done at once, in a scope of nobody's, outside that of the request."""
    contextvars.Context().run(scope()(write))
    return HttpResponse()


@transaction.atomic
def atomic(request):
    write()
    return texts()


async def asynchronous(request):
    if request.method == "POST":
        await Note.objects.acreate(text="new")
    return HttpResponse(str(await Note.objects.acount()))


urlpatterns = [
    path(f"{view.__name__}/", view)
    for view in (
        *(notes, own, session, visit, counted, streamed, late, lost, thread, own_thread),
        *(job, atomic, asynchronous),
    )
]
