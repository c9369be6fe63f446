"""The site's one page: a user's account, with three queries, and a form that writes to it."""

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.urls import path

from benchmarks.peers.models import Account, Entry


def account(request: HttpRequest, user: int) -> HttpResponseBase:
    """Show the account, or write to it and redirect there."""
    if request.method == "POST":
        value = int(request.POST["value"])
        with transaction.atomic():
            Account.objects.filter(pk=user).update(value=value)
            Entry.objects.create(account_id=user, value=value)
        return HttpResponseRedirect(request.path)
    shown = Account.objects.get(pk=user)
    latest = list(shown.entries.order_by("-pk").values_list("value", flat=True)[:10])
    richer = Account.objects.filter(value__gt=shown.value).count()
    return JsonResponse({"value": shown.value, "latest": latest, "richer": richer})


urlpatterns = [path("accounts/<int:user>", account)]
