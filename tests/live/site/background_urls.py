"""The site with views that order background work, and wait for it."""

from typing import Any

from celery import chain, chord, group
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.urls import path

from pinning import take_carried
from tests.live.site import celery_tasks as tasks
from tests.live.site.sync_urls import urlpatterns as others
from tests.notes.models import Note


def publish(task: Any, request: HttpRequest, **options: Any) -> str:
    countdown = float(request.GET.get("countdown", 0))
    queue = request.GET.get("queue", "solo")
    result = task.apply_async(countdown=countdown, queue=queue, **options)
    return str(result.id)


def order(request: HttpRequest, name: str) -> JsonResponse:
    """Write, if a text was posted, and publish the task of that name."""
    if request.method == "POST":
        Note.objects.create(text=request.POST["text"])
    return JsonResponse({"id": publish(getattr(tasks, name).s(), request)})


def order_latest(request: HttpRequest) -> JsonResponse:
    if request.method == "POST":
        Note.objects.create(text=request.POST["text"])
    return JsonResponse({"id": publish(tasks.latest.s(request.GET["of"]), request)})


def order_with_headers(request: HttpRequest, name: str) -> JsonResponse:
    Note.objects.create(text=request.POST["text"])
    task = getattr(tasks, name)
    return JsonResponse({"id": publish(task, request, headers={"mine": "kept"})})


def order_in_transaction(request: HttpRequest) -> JsonResponse:
    with transaction.atomic():
        Note.objects.create(text=request.POST["text"])
        return JsonResponse({"id": publish(tasks.read, request)})


def order_on_commit(request: HttpRequest) -> JsonResponse:
    ids: list[str] = []
    with transaction.atomic():
        Note.objects.create(text=request.POST["text"])
        transaction.on_commit(lambda: ids.append(publish(tasks.read, request)))
    return JsonResponse({"id": ids[0]})


def order_write(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"id": publish(tasks.write.s(request.GET["text"]), request)})


def order_chain(request: HttpRequest) -> JsonResponse:
    work = chain(tasks.write.si(request.GET["text"]), tasks.read.si())
    return JsonResponse({"id": publish(work, request)})


def order_chord(request: HttpRequest) -> JsonResponse:
    """Of its parts, the one that ends last has not written."""
    parts = [tasks.write.si(request.GET["text"]), tasks.read.si()]
    return JsonResponse({"id": publish(chord(parts, tasks.read.si()), request)})


def order_group(request: HttpRequest) -> JsonResponse:
    Note.objects.create(text=request.POST["text"])
    result = group(tasks.read.si() for _ in range(3)).apply_async(queue="solo")
    return JsonResponse({"ids": [child.id for child in result.children]})


def result(request: HttpRequest, id: str) -> JsonResponse:  # noqa: A002
    """Wait for a task, and take what it has written if asked to."""
    value = tasks.app.AsyncResult(id).get(timeout=20)
    if "take" in request.GET:
        take_carried(value["carried"])
    return JsonResponse(value)


urlpatterns = [
    path("order/write", order_write),
    path("order/in-transaction", order_in_transaction),
    path("order/on-commit", order_on_commit),
    path("order/chain", order_chain),
    path("order/chord", order_chord),
    path("order/group", order_group),
    path("order/latest", order_latest),
    path("order/<name>", order),
    path("order/<name>/with-headers", order_with_headers),
    path("result/<id>", result),
    *others,
]
