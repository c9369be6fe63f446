"""The page "Replicas": what the process that shows it knows. It changes nothing, asks no server."""

import os
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from pinning import conf
from pinning.conf import clusters
from pinning.contrib.admin import recent
from pinning.contrib.admin.models import Replica
from pinning.health import replica


@admin.register(Replica)
class ReplicaAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's own takes none
    """One page, for staff with the permission ``pinning_admin.view_replica``."""

    def get_urls(self) -> list[URLPattern]:
        """Only the list: there are no rows to look at."""
        view = self.admin_site.admin_view(self.changelist_view)
        return [path("", view, name="pinning_admin_replica_changelist")]

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Nobody's."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody's."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody's."""
        return False

    def changelist_view(
        self,
        request: HttpRequest,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the replicas, and the reasons of the last minutes. Raises PermissionDenied."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            **(extra_context or {}),
            "title": "Replicas",
            "process": os.getpid(),
            "minutes": recent.MINUTES,
            "replicas": list(_replicas()),
            "reads": list(_reads()),
        }
        return TemplateResponse(request, "pinning/admin.html", context)


def _replicas() -> Iterator[dict[str, Any]]:
    for name in conf.settings().replicas:
        cluster = clusters().of_alias(name)
        for alias in () if cluster is None else cluster.replicas:
            known = replica(alias)
            row = {"cluster": name, "alias": alias, "is_out": known.is_out}
            yield {**row, "why_out": known.why_out, "lag": known.lag}


def _reads() -> Iterator[dict[str, Any]]:
    for (cluster, reason), times in recent.reads().most_common():
        why = reason.explanation
        yield {"cluster": cluster, "reason": str(reason), "why": why, "times": times}
