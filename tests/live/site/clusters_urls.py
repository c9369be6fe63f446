"""The site with two clusters: notes live on one, orders on the other."""

from django.db import connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from tests.live.site.sync_urls import notes
from tests.live.site.traced import note_list
from tests.notes.models import Note
from tests.shop.models import Order


def orders(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        Order.objects.create(text=request.POST["text"])
        return HttpResponse()
    return note_list([order.text for order in Order.objects.order_by("pk")])


def both(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        Order.objects.create(text=request.POST["text"])
        Note.objects.create(text=request.POST["text"])
        return HttpResponse()
    rows = [*Note.objects.order_by("pk"), *Order.objects.order_by("pk")]
    return note_list([row.text for row in rows])


def tables(request: HttpRequest) -> JsonResponse:
    """The tables on each primary."""
    found = {}
    for alias in ("default", "orders"):
        with connections[alias].cursor() as cursor:
            found[alias] = connections[alias].introspection.table_names(cursor)
    return JsonResponse(found)


urlpatterns = [
    path("notes", notes),
    path("orders", orders),
    path("both", both),
    path("tables", tables),
]
