"""The page "Replicas" in Django's admin: who sees it, and what it says."""

from collections.abc import Iterator
from io import StringIO

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Permission, User
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client
from django.urls import path
from freezegun import freeze_time

from pinning import scope
from pinning.health import replica
from pinning.signals import scope_closed
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

PAGE = "/admin/pinning_admin/replica/"


@pytest.fixture(autouse=True)
def app(settings) -> Iterator[None]:
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "pinning.contrib.admin"]
    from pinning.contrib.admin import recent
    from pinning.contrib.admin.admin import ReplicaAdmin
    from pinning.contrib.admin.models import Replica

    if not admin.site.is_registered(Replica):
        admin.site.register(Replica, ReplicaAdmin)
    settings.ROOT_URLCONF = (path("admin/", admin.site.urls),)
    create_permissions(apps.get_app_config("pinning_admin"), verbosity=0)
    yield
    recent.reset()
    scope_closed.disconnect(dispatch_uid="pinning.contrib.admin")
    admin.site.unregister(Replica)


def client(*permissions: str, **more: bool) -> Client:
    user = User.objects.create(username="ada", **more)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return client_of(user)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def reader() -> Client:
    return client("view_replica", is_staff=True)


def test_staff_with_the_permission_find_it_in_the_index(reader):
    assert PAGE in reader.get("/admin/").content.decode()
    assert reader.get(PAGE).status_code == 200


def test_nobody_else_sees_it():
    assert client(is_staff=True).get(PAGE).status_code == 403
    assert Client().get(PAGE).status_code == 302


def test_the_permission_alone_is_not_enough():
    assert client("view_replica").get(PAGE).status_code == 302


def test_it_is_read_only(reader):
    permissions = Permission.objects.filter(content_type__app_label="pinning_admin")
    assert permissions.get().codename == "view_replica"
    root = client_of(User.objects.create_superuser("root"))
    for visitor in (reader, root):
        assert visitor.get(f"{PAGE}add/").status_code == 404
        assert visitor.get(f"{PAGE}replica1/change/").status_code == 404


def test_a_replica_that_is_out_says_why_and_how_far_it_lags(reader):
    shown = reader.get(PAGE).content.decode()
    assert "<td>in use</td>" in shown
    assert "<td>not known</td>" in shown
    replica("replica1").set_aside(OperationalError("no <route>"))
    replica("replica1").lag = 2.25
    shown = reader.get(PAGE).content.decode()
    assert "<td>replica1</td>" in shown
    assert "<td>out</td>" in shown
    assert "<td>no &lt;route&gt;</td>" in shown
    assert "<td>2.3 s</td>" in shown


def shown(reader: Client) -> list[tuple[str, str, int]]:
    rows = reader.get(PAGE).context["reads"]
    return [(row["cluster"], row["reason"], row["times"]) for row in rows]


def test_it_shows_the_reasons_of_the_last_minutes(reader):
    with freeze_time() as clock:
        with scope():
            Note.objects.create(text="new")
            Note.objects.count()
        assert ("default", "written", 1) in shown(reader)
        clock.tick(60 * 16)
        assert ("default", "written", 1) not in shown(reader)


def test_what_is_counted_is_bounded():
    from pinning.contrib.admin import recent

    with freeze_time() as clock:
        for _ in range(40):
            with scope():
                Note.objects.count()
            clock.tick(60)
        assert sum(recent.reads().values()) == recent.MINUTES - 1
        assert len(recent._minutes) == recent.MINUTES


@pytest.mark.parametrize("options", [{}, {"use_base_manager": True}])
def test_a_dump_of_all_data_does_not_miss_its_table(options):
    dump = StringIO()
    call_command("dumpdata", "pinning_admin", stdout=dump, **options)
    assert dump.getvalue().strip() == "[]"


def test_no_check_has_anything_against_it():
    found = [message for message in run_checks() if "pinning_admin" in f"{message.obj} {message}"]
    assert found == []


def test_its_migration_is_up_to_date_and_makes_no_table():
    call_command("makemigrations", "pinning_admin", check=True, dry_run=True, verbosity=0)
