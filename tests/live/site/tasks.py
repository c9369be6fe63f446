"""The site's Django tasks, their backend, and views that enqueue them."""

import time
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.tasks import default_task_backend, task
from django.urls import path
from django.utils import timezone
from django_tasks_db.backend import DatabaseBackend

from pinning import take_carried, use_replica
from pinning.contrib.tasks import CarriesPins
from tests.live.site.sync_urls import urlpatterns as others
from tests.live.site.traced import report
from tests.notes.models import Note


class Backend(CarriesPins, DatabaseBackend):
    """Tasks that wait in the database."""


@task
def read() -> dict[str, Any]:
    return report()


@task
@use_replica
def read_declared() -> dict[str, Any]:
    return report()


@task
def write(text: str) -> dict[str, Any]:
    Note.objects.create(text=text)
    return report()


@task
def fail() -> None:
    raise RuntimeError


def order(request: HttpRequest, name: str) -> JsonResponse:
    """Write, if a text was posted, and enqueue the task of that name."""
    if request.method == "POST":
        Note.objects.create(text=request.POST["text"])
    return JsonResponse({"id": globals()[name].enqueue(*request.GET.getlist("text")).id})


def later() -> Any:
    return read.using(run_after=timezone.now() + timedelta(seconds=1))


def order_later(request: HttpRequest) -> JsonResponse:
    Note.objects.create(text=request.POST["text"])
    return JsonResponse({"id": later().enqueue().id})


def order_in_transaction(request: HttpRequest) -> JsonResponse:
    with transaction.atomic():
        Note.objects.create(text=request.POST["text"])
        return JsonResponse({"id": later().enqueue().id})


def order_on_commit(request: HttpRequest) -> JsonResponse:
    ids: list[str] = []
    with transaction.atomic():
        Note.objects.create(text=request.POST["text"])
        transaction.on_commit(lambda: ids.append(later().enqueue().id))
    return JsonResponse({"id": ids[0]})


def order_forged(request: HttpRequest) -> JsonResponse:
    kwargs = {"_pinning": request.GET["pins"]}
    return JsonResponse({"id": default_task_backend.enqueue(read, [], kwargs).id})


def result(request: HttpRequest, id: str) -> JsonResponse:  # noqa: A002
    """Wait for a task, and take what it has written if asked to."""
    found = read.get_backend().get_result(id)
    while not found.is_finished:
        time.sleep(0.02)
        found.refresh()
    if found.errors:
        return JsonResponse({"error": found.errors[0].exception_class_path})
    if "take" in request.GET:
        take_carried(found.return_value["carried"])
    return JsonResponse(found.return_value)


urlpatterns = [
    path("order/later", order_later),
    path("order/in-transaction", order_in_transaction),
    path("order/on-commit", order_on_commit),
    path("order/forged", order_forged),
    path("order/<name>", order),
    path("result/<id>", result),
    *others,
]
