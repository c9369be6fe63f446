"""A site whose models were read from a legacy database, as docs/one-to-many.md tells it.

The primary of everything else is down when it starts.
"""

import sys
import types

import django

django.setup()

# What follows needs the settings.
# ruff: noqa: E402
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from shop.models import Orders

from pinning.exceptions import ReadOnlyClusterError


def orders(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        try:
            Orders.objects.create(item="pen")
        except ReadOnlyClusterError as error:
            return HttpResponse(str(error))
    return HttpResponse(" ".join(order.item for order in Orders.objects.all()))


def rest(request: HttpRequest) -> HttpResponse:
    try:
        return HttpResponse(ContentType.objects.count())
    except OperationalError:
        return HttpResponse("down")


sys.modules["site_urls"] = urls = types.ModuleType("site_urls")
urls.urlpatterns = [path("", rest), path("orders/", orders)]  # type: ignore[attr-defined]

call_command("check", fail_level="WARNING")
client = Client()
print("orders:", client.get("/orders/").content.decode())
print("a write:", client.post("/orders/").content.decode())
print("the rest:", client.get("/").content.decode())
print("orders:", client.get("/orders/").content.decode())
