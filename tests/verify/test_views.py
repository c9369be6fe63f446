"""The views do their work for who has a pass, and nothing for anybody else."""

import json
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.signing import dumps
from django.test import AsyncClient, Client, override_settings
from django.urls import include, path, resolve
from django.utils import timezone
from freezegun import freeze_time

from pinning import traced
from pinning.verify.models import Counter, Login
from pinning.verify.numbers import WORK
from pinning.verify.passes import HEADER, Pass
from pinning.verify.ways import UPDATE, WAYS

urlpatterns = [path("verify/", include("pinning.verify.urls"))]

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "replica1"]),
    pytest.mark.urls(__name__),
]

PAGES = ["begin", "end", "0/value", "0/login", "0/logout"]


RUN_SECONDS = 60


def new_pass(sessions, hosts=("testserver",)):
    return Pass.new(sessions, hosts=hosts, lasts_seconds=RUN_SECONDS)


@pytest.fixture
def shown():
    return new_pass(2)


@pytest.fixture
def client(shown):
    client = Client(headers={HEADER: shown.sign()}, enforce_csrf_checks=True)
    assert client.post("/verify/begin").status_code == 200
    return client


def read(client, session=0, query=""):
    return client.get(f"/verify/{session}/value{query}").json()


def write(client, value, session=0, way=UPDATE):
    send = client.post if way.method == "POST" else client.get
    response = send(f"/verify/{session}/value?{urlencode({'way': way.name, 'new': value})}")
    assert json.loads(response.getvalue()) == {"wrote": value}


@pytest.mark.parametrize(
    "text",
    ["", "pass", dumps(["run", 2]), dumps(["run", 2], salt="pinning.pins")],
    ids=["empty", "unsigned", "of Django's", "for pins"],  # signed texts have the time in them
)
def test_nobody_gets_in_without_a_pass(client, text):
    stranger = Client(headers={HEADER: text})
    for page in PAGES:
        assert stranger.post(f"/verify/{page}", {"value": 7}).status_code == 403
        assert stranger.get(f"/verify/{page}").status_code == 403
    assert [row.value for row in Counter.objects.all()] == [0, 0, 0]
    assert not get_user_model().objects.exists()


def test_a_pass_is_for_its_own_sessions(client):
    assert client.get("/verify/1/value").status_code == 200
    assert client.get("/verify/2/value").status_code == 403


def test_a_pass_ends_with_the_time_of_its_run(client):
    assert client.get("/verify/0/value").status_code == 200
    with freeze_time(timezone.now() + timedelta(seconds=RUN_SECONDS + 1)):
        for page in PAGES:
            assert client.post(f"/verify/{page}", {"value": 7}).status_code == 403


@override_settings(ALLOWED_HOSTS=["testserver", "staging.example"])
def test_a_pass_is_for_its_own_host(client):
    """Another site may have the same SECRET_KEY."""
    for page in PAGES:
        answer = client.post(f"/verify/{page}", {"value": 7}, headers={"host": "staging.example"})
        assert (answer.status_code, answer.content) == (
            421,
            b"The pass is not for staging.example.",
        )


@pytest.mark.parametrize("host", ["testserver:8000", "TESTSERVER", "[::1]:8000"])
@override_settings(ALLOWED_HOSTS=["*"])
def test_whatever_its_port_is(host):
    client = Client(headers={HEADER: new_pass(1, ["testserver", "[::1]"]).sign(), "host": host})
    assert client.post("/verify/begin").status_code == 200


@pytest.mark.parametrize("pages", [[], ["end"]], ids=["going on", "ended"])
def test_a_run_begins_once(client, pages):
    for page in pages:
        assert client.post(f"/verify/{page}").status_code == 200
    before = Counter.objects.count()
    assert client.post("/verify/begin").status_code == 410
    assert Counter.objects.count() == before


def test_a_pass_of_another_secret_is_none(client):
    with override_settings(SECRET_KEY="another"):
        assert client.get("/verify/0/value").status_code == 403


def test_each_session_has_a_value_of_its_own(client):
    write(client, 7)
    assert [read(client, session)["value"] for session in (0, 1)] == [7, 0]


@pytest.mark.parametrize("way", [way for way in WAYS if way.is_write], ids=lambda way: way.name)
def test_a_value_never_shrinks(client, way):
    for value in (1, 9, 8):
        write(client, value, way=way)
    assert read(client)["value"] == 9


def test_a_body_that_streams_under_asgi_writes(client, shown):
    async def body():
        headers = {HEADER: shown.sign()}
        response = await AsyncClient().post("/verify/0/value?way=stream&new=7", headers=headers)
        return b"".join([part async for part in response])

    assert async_to_sync(body)() == b'{"wrote": 7}'
    assert read(client)["value"] == 7


def test_a_body_that_streams_writes_when_it_is_sent(client):
    response = client.post("/verify/0/value?way=stream&new=7")
    parts = iter(response)
    next(parts)
    assert read(client)["value"] == 0
    assert list(parts) == [b"7}"]
    assert read(client)["value"] == 7


def test_every_way_has_its_work():
    assert {way.name for way in WAYS} == set(WORK)


def test_a_way_that_the_site_does_not_know_is_not_found(client):
    assert client.get("/verify/0/value?way=none").status_code == 404


def test_a_read_tells_where_and_why(client, shown):
    other = Client(headers={HEADER: shown.sign()})
    where = {"model": "pinning_verify.Counter", "alias": "replica1", "reason": "replica"}
    assert read(other) == {**where, "value": 0}
    assert read(client)["reason"] == "pinned"  # it has begun the run


@pytest.fixture
def another():
    """Somebody with the pass of another run, which has not begun."""
    return Client(headers={HEADER: new_pass(1).sign()})


def test_what_there_is_is_told(another):
    assert another.post("/verify/begin").json() == {
        "has_scope": True,
        "replicas": ["replica1"],
        "has_server_side": False,
        "has_rule": False,
        "no_accounts": "",
    }
    assert not get_user_model().objects.exists()


@override_settings(AUTHENTICATION_BACKENDS=["tests.no.Backend"])
def test_why_nobody_can_sign_in_is_told(another):
    assert "AUTHENTICATION_BACKENDS" in another.post("/verify/begin").json()["no_accounts"]


def test_a_session_signs_in_to_an_account_without_rights(client):
    assert client.get("/verify/0/value?signed_in=1").status_code == 401
    assert client.post("/verify/0/login").status_code == 200
    assert client.get("/verify/0/value?signed_in=1").status_code == 200
    (user,) = get_user_model().objects.all()
    assert [user.has_usable_password(), user.is_staff, user.is_superuser] == [False] * 3
    assert client.post("/verify/0/logout").status_code == 200
    assert client.get("/verify/0/value?signed_in=1").status_code == 401


def test_two_devices_share_an_account(client, shown):
    other = Client(headers={HEADER: shown.sign()})
    for device in (client, other):
        device.post("/verify/0/login")
    assert get_user_model().objects.count() == 1


def test_the_end_of_a_run_leaves_nothing_of_it_but_that_it_was(client, shown, another):
    another.post("/verify/begin")
    client.post("/verify/0/login")
    client.post("/verify/end")
    rows = Counter.objects.values_list("run", "session")
    assert set(rows.filter(run=shown.run)) == {(shown.run, -1)}
    assert rows.exclude(run=shown.run).count() == 2
    assert not get_user_model().objects.exists()


ENGINES = ["db", "cached_db", "cache", "signed_cookies"]


@pytest.mark.parametrize("engine", ENGINES)
def test_no_session_is_left_whoever_has_lost_its_key(client, shown, engine):
    with override_settings(SESSION_ENGINE=f"django.contrib.sessions.backends.{engine}"):
        lost = [Client(headers={HEADER: shown.sign()}) for _ in range(3)]
        for each in lost:
            assert each.post("/verify/0/login").status_code == 200
        assert client.post("/verify/end").status_code == 200
        for each in lost:
            assert each.get("/verify/0/value?signed_in=1").status_code == 401
    assert not Session.objects.exists()
    assert not Login.objects.exists()


def test_another_run_s_sessions_stay(client, another):
    another.post("/verify/begin")
    another.post("/verify/0/login")
    client.post("/verify/0/login")
    client.post("/verify/end")
    assert another.get("/verify/0/value?signed_in=1").status_code == 200


def test_runs_that_nobody_ended_go_in_time(client):
    client.post("/verify/0/login")
    with freeze_time(timezone.now() + timedelta(hours=49)):
        late = new_pass(1)
        Client(headers={HEADER: late.sign()}).post("/verify/begin")
    assert {row.run for row in Counter.objects.all()} == {late.run}
    assert not Session.objects.exists()
    assert not get_user_model().objects.exists()


def test_no_page_is_kept_by_a_cache(client):
    assert "no-store" in client.get("/verify/0/value").headers["Cache-Control"]


def test_nobody_is_signed_in_when_the_run_is_over(client):
    assert client.post("/verify/0/login").status_code == 200
    assert client.post("/verify/end").status_code == 200
    assert client.post("/verify/0/login").status_code == 410
    assert not get_user_model().objects.exists()


@pytest.mark.parametrize("page", PAGES)
def test_who_has_a_pass_need_not_be_signed_in(page):
    """For LoginRequiredMiddleware."""
    assert resolve(f"/verify/{page}").func.login_required is False


def test_a_panel_around_the_view_sees_its_reads(client):
    write(client, 3)
    with traced() as trace:
        assert read(client)["value"] == 3
    assert "pinning_verify.Counter" in [each.model for each in trace]
