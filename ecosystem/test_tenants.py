"""django-tenants: a schema for each tenant, set on the connection "default"."""

from ecosystem.project import APPS, start

SHARED = ["django_tenants", "ecosystem.tenants", *APPS, "ecosystem.notes"]
PAIR = start(
    engine="django_tenants.postgresql_backend",
    before=("django_tenants.middleware.main.TenantMainMiddleware",),
    DATABASE_ROUTERS=["django_tenants.routers.TenantSyncRouter", "pinning.router.PinningRouter"],
    INSTALLED_APPS=[*SHARED, "pinning"],
    SHARED_APPS=SHARED,
    TENANT_APPS=[*APPS, "ecosystem.notes"],
    TENANT_MODEL="tenants.Tenant",
    TENANT_DOMAIN_MODEL="tenants.Domain",
)

from collections.abc import Iterator  # noqa: E402
from typing import Any  # noqa: E402

import pytest  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import OperationalError, connections  # noqa: E402
from django.test import Client  # noqa: E402
from django_tenants.utils import schema_context  # noqa: E402

from ecosystem.notes.models import Note  # noqa: E402
from ecosystem.tenants.models import Domain, Tenant  # noqa: E402
from pinning import read_connection, scope, use_primary  # noqa: E402

TENANTS = ("one", "two")
COPY = "CREATE TABLE IF NOT EXISTS {}.notes_note (LIKE public.notes_note INCLUDING ALL)"

call_command("migrate_schemas", run_syncdb=True, verbosity=0)
for name in TENANTS:
    tenant = Tenant.objects.create(schema_name=name, name=name)
    Domain.objects.create(tenant=tenant, domain=f"{name}.example", is_primary=True)
    PAIR.execute(COPY.format(name))
PAIR.replica.wait_until_caught_up()


@pytest.fixture(autouse=True)
def note(pair: Any) -> Iterator[None]:
    """A note of each tenant, and one of nobody."""
    for name in ("public", *TENANTS):
        with schema_context(name):
            Note.objects.using("default").all().delete()
            Note.objects.using("default").create(text=f"of {name}")
    pair.catch_up()
    yield
    pair.catch_up()


@pytest.fixture(params=TENANTS)
def host(request: pytest.FixtureRequest) -> dict[str, str]:
    """Each tenant's."""
    return {"host": f"{request.param}.example"}


def texts() -> list[str]:
    """Of all notes that are seen."""
    return [note.text for note in Note.objects.all()]


def test_tenants_see_their_own_rows_on_the_replica(client: Client) -> None:
    for name in (*TENANTS, *TENANTS):
        page = client.get("/", headers={"host": f"{name}.example"}).json()
        assert page == {"texts": [f"of {name}"], "reads": ["replica"]}


def test_whoever_wrote_sees_it(pair: Any, client: Client, host: dict[str, str]) -> None:
    with pair.paused():
        client.post("/edit", {"text": "new"}, headers=host)
        page = client.get("/", headers=host).json()
        assert page == {"texts": ["new"], "reads": ["pinned"]}
    pair.catch_up()
    page = client.get("/", headers=host).json()
    assert page == {"texts": ["new"], "reads": ["caught_up"]}


def test_the_tenant_may_change_within_a_scope() -> None:
    with scope() as work:
        for name in ("one", "two", "public", "one"):
            with schema_context(name):
                assert texts() == [f"of {name}"]
                assert [note.text for note in Note.objects.iterator(chunk_size=1)] == texts()
                with use_primary():
                    assert texts() == [f"of {name}"]
        assert "replica" in work.reads["default"]


def test_raw_sql_and_using_see_the_tenants_rows() -> None:
    for name in TENANTS:
        with scope(), schema_context(name):
            with read_connection().cursor() as cursor:
                cursor.execute("SELECT text FROM notes_note")
                assert (cursor.db.alias, cursor.fetchall()) == ("replica1", [(f"of {name}",)])
            assert [note.text for note in Note.objects.using("replica1")] == [f"of {name}"]


def test_a_replica_that_dies_shows_nobody_anothers_rows(pair: Any) -> None:
    for name in TENANTS:
        with scope(), schema_context(name):
            texts()
            pair.replica.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            try:
                assert texts() == [f"of {name}"]
            except OperationalError:  # it is not run again
                connections["replica1"].close()
