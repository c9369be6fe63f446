"""The check of django-health-check, behind its real view, in WSGI and ASGI."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError
from django.test import AsyncClient, Client
from django.urls import path
from health_check.views import HealthCheckView

from pinning.contrib.health_check import Replicas
from pinning.health import replica

GONE = OperationalError("connection to 10.0.0.7 refused")


@pytest.fixture(params=[Client, AsyncClient])
def health(request, settings):
    """The status of the page, and what it says."""
    settings.MIDDLEWARE = []
    settings.PINNING = {"REPLICAS": {"default": ["replica1", "replica2"]}}

    def health(**options: str) -> tuple[int, str]:
        checks: Any = [("pinning.contrib.health_check.Replicas", options)]
        settings.ROOT_URLCONF = (path("health", HealthCheckView.as_view(checks=checks)),)
        client = request.param()
        get = client.get if request.param is Client else async_to_sync(client.get)
        response = get("/health", query_params={"format": "json"})
        (told,) = response.json().values()
        return response.status_code, told

    return health


def test_all_is_well_while_all_are_in_use(health):
    assert health() == (200, "OK")


def test_one_that_is_out_is_named_and_its_server_is_not(health):
    replica("replica1").set_aside(GONE)
    status, told = health()
    assert status == 500
    assert told.endswith("Out: replica1.")
    replica("replica1").restore()
    assert health() == (200, "OK")


def test_it_fails_when_none_is_left(health):
    replica("replica1").set_aside(GONE)
    replica("replica2").mark_lagging(GONE)
    status, told = health()
    assert (status, "No replica is left." in told) == (500, True)


@pytest.mark.parametrize("alias", ["replica1", "elsewhere", "nowhere"])
def test_an_alias_that_is_no_primary_with_replicas_is_told(health, alias):
    status, told = health(cluster=alias)
    assert (status, f"{alias!r} is no primary with replicas." in told) == (500, True)


def test_it_is_called_by_its_cluster():
    assert repr(Replicas(cluster="orders")) == "Replicas(cluster='orders')"
