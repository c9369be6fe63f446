"""The site's one page: a user's account, with three queries, and a form that writes to it.

By the API a write looks at the account first.
"""

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.urls import path

from benchmarks.peers.models import Account, Entry


def account(request: HttpRequest, user: int, *, looks: bool = False) -> HttpResponseBase:
    """Show the account, or write to it and redirect there."""
    if request.method == "POST":
        value = int(request.POST["value"])
        if looks:
            _shown(user)
        with transaction.atomic():
            Account.objects.filter(pk=user).update(value=value)
            Entry.objects.create(account_id=user, value=value)
        return HttpResponseRedirect(request.path)
    return JsonResponse(_shown(user))


def _shown(user: int) -> dict[str, Any]:
    shown = Account.objects.get(pk=user)
    latest = list(shown.entries.order_by("-pk").values_list("value", flat=True)[:10])
    richer = Account.objects.filter(value__gt=shown.value).count()
    return {"value": shown.value, "latest": latest, "richer": richer}


urlpatterns = [
    path("accounts/<int:user>", account),
    path("api/accounts/<int:user>", account, {"looks": True}),
]
