"""The site as it is verified, with views that give mistakes more time to show."""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, include, path

from pinning.verify import urls, views


def slow(request: HttpRequest, **where: int) -> HttpResponse:
    """Takes its time: others come in between what is known, done and remembered."""
    time.sleep(random.uniform(0, 0.1))
    response = views.value(request, **where)
    time.sleep(random.uniform(0, 0.3))
    return response


def slow_to_write(request: HttpRequest, **where: int) -> HttpResponse:
    """Answers writes late, and in another order than they were made."""
    return (slow if request.method == "POST" else views.value)(request, **where)


def in_snapshot(request: HttpRequest, **where: int) -> HttpResponse:
    """Reads in a transaction on the replica, which shows what was there when it began."""
    with transaction.atomic(using="replica1"):
        with connections["replica1"].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pinning_verify_counter")
            time.sleep(0.1)
        return views.value(request, **where)


async def in_task(request: HttpRequest, **where: int) -> HttpResponse:
    """Does all its work in a task of its own."""
    return await asyncio.create_task(sync_to_async(views.value)(request, **where))


def with_value(view: Callable[..., Any]) -> tuple[list[URLPattern], str]:
    return [path("<int:session>/value", view), *urls.urlpatterns], "verify"


urlpatterns = [
    path("verify/", include(with_value(views.value))),
    path("proof/", include("proof.urls")),
    path("slow/", include(with_value(slow))),
    path("slow-to-write/", include(with_value(slow_to_write))),
    path("snapshot/", include(with_value(in_snapshot))),
    path("task/", include(with_value(in_task))),
]
