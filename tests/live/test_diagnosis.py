"""Each thing that ``pinning_status`` and the checks find, brought about on real servers."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.utils import load_backend

from pinning import conf
from pinning.checks.databases import check_databases
from pinning.conf import clusters
from pinning.diagnosis import Report, answers
from pinning.health import replica
from pinning.testing.mariadb import MariaDB
from pinning.testing.pair import SERVERS
from pinning.testing.redis import Redis
from tests.live.conftest import completed, on_each_database
from tests.live.site.clients import Site
from tests.live.site.pair import DATABASE, Pair
from tests.services import service

#: Another name of the machine that the servers run on: Django does not know that it is the same.
SAME_MACHINE = "127.1"

Put = Callable[..., None]


@pytest.fixture
def put(django_db_blocker: Any) -> Iterator[Put]:
    """Puts servers in the places of the aliases."""
    before = {alias: connections[alias] for alias in ("default", "replica1")}

    def put(alias: str, server: Any, **more: Any) -> None:
        settings = completed({**server.settings(DATABASE), "TEST": {}, **more})
        connections[alias] = load_backend(settings["ENGINE"]).DatabaseWrapper(settings, alias)

    with django_db_blocker.unblock():
        yield put
    for alias, connection in before.items():
        connections[alias] = connection


@pytest.fixture
def here(pair: Pair, put: Put) -> Pair:
    """The pair at its aliases."""
    put("default", pair.primary)
    put("replica1", pair.replica)
    return pair


@pytest.fixture
def fresh_here(fresh_pair: Pair, put: Put) -> Pair:
    """One that the test may break."""
    put("default", fresh_pair.primary)
    put("replica1", fresh_pair.replica)
    return fresh_pair


def made() -> Report:
    return Report.made(clusters(), conf.settings())


def found() -> list[tuple[str, str]]:
    """What is found, which both sides report alike."""
    findings = [(finding.id, finding.about) for finding in made().findings]
    checked = [message.id for message in check_databases(["default", "replica1"])]
    assert [id_ for id_, _ in findings] == checked
    return findings


def shown(column: str, alias: str = "replica1") -> object:
    return made().values()["aliases"][alias][column]


@on_each_database
def test_nothing_is_found_where_all_is_well(here):
    assert found() == []
    values = made().values()
    assert values["is_well"]
    primary, replica = values["aliases"]["default"], values["aliases"]["replica1"]
    assert (primary["takes_writes"], replica["takes_writes"]) == (True, False)
    assert replica["relation"] == "same"
    assert replica["lag"]["distance"] == 0
    assert replica["lag"]["at_most"] == 0.0
    assert replica["database"] == DATABASE
    for each in (primary, replica):
        assert 0 < each["connected_in"] < 5
        assert 0 < each["connections"] < each["most_connections"] <= 151
    assert "replica of default" in made().text()


def test_the_timeline_is_told(here):
    assert (shown("timeline", "default"), shown("timeline")) == ("1", "1")
    assert shown("may_see_timeline") is True


@on_each_database
def test_a_server_that_is_down(here, put):
    put("replica1", here.replica, PORT="1")
    assert found() == [("pinning.W024", "replica1")]
    assert "'replica1' cannot be connected to: " in made().text()


@on_each_database
def test_a_primary_that_is_down_is_told_of_when_its_replica_is_checked(here, put):
    put("default", here.primary, PORT="1")
    assert found() == [("pinning.W024", "default")]
    assert [message.id for message in check_databases(["replica1"])] == ["pinning.W024"]
    assert check_databases(["orders"]) == []


@on_each_database
@pytest.mark.parametrize("connect_timeout", [1, 60])
def test_a_silent_server_costs_seconds(here, put, connect_timeout):
    put("replica1", here.replica, OPTIONS={"connect_timeout": connect_timeout})
    here.replica.freeze()
    try:
        began_at = time.monotonic()
        assert [finding.id for finding in made().findings] == ["pinning.W024"]
        assert time.monotonic() - began_at < answers.PATIENCE_SECONDS + 2
    finally:
        here.replica.thaw()
    assert found() == []


@on_each_database
def test_the_primary_itself(here, put):
    put("replica1", here.primary, HOST=SAME_MACHINE)
    assert found() == [("pinning.W025", "replica1")]
    assert "default itself" in made().text()


@on_each_database
def test_in_tests_a_replica_mirrors_its_primary(here, put):
    put("replica1", here.primary)
    assert found() == []


@on_each_database
def test_a_foreign_server(here, put, vendor):
    with service(SERVERS[vendor].primary()) as stranger:
        stranger.create_database(DATABASE)
        put("replica1", stranger)
        if isinstance(stranger, MariaDB):  # which tells nothing before its first transaction
            stranger.execute("CREATE TABLE t (id int)", database=DATABASE)
        assert found() == [("pinning.E044", "replica1")]
        assert shown("relation") == "foreign"
        assert shown("lag") is None


def test_another_database(here, put):
    put("replica1", here.replica, NAME="postgres")
    assert found() == [("pinning.E046", "replica1")]


@pytest.mark.parametrize("vendor", ["mariadb"], indirect=True)
def test_another_database_of_mariadb(here, put):
    put("replica1", here.replica, NAME="information_schema")
    assert found() == [("pinning.E046", "replica1")]


def test_a_replica_that_was_promoted(fresh_here):
    fresh_here.replica.promote()
    assert found() == [("pinning.E045", "replica1")]
    assert "takes writes" in made().text()


@pytest.mark.parametrize("vendor", ["mariadb"], indirect=True)
@pytest.mark.parametrize(
    ("user", "id_"), [("site", "pinning.W026"), ("root", "pinning.E045")], ids=["plain", "root"]
)
def test_a_replica_of_mariadb_that_was_promoted(fresh_here, put, user, id_):
    """Who may not see whether it replicates sees that it takes writes."""
    put("replica1", fresh_here.replica, USER=user)
    assert found() == []
    fresh_here.replica.promote()
    assert found() == [(id_, "replica1")]


def test_options_that_were_copied_from_the_primary(here, put, monkeypatch):
    options = {"connect_timeout": 5, "target_session_attrs": "read-write"}
    put("default", here.primary, OPTIONS=options)
    assert found() == []
    put("replica1", here.replica, OPTIONS=options)
    assert found() == [("pinning.E042", "replica1"), ("pinning.W024", "replica1")]
    put("replica1", here.replica)
    with monkeypatch.context() as environment:
        environment.setenv("PGTARGETSESSIONATTRS", "primary")
        assert found() == [("pinning.E042", "replica1"), ("pinning.W024", "replica1")]


@on_each_database
def test_a_primary_that_takes_no_writes(here, put, settings):
    put("default", here.replica, HOST=SAME_MACHINE)
    assert ("pinning.E043", "default") in found()
    settings.PINNING = {**settings.PINNING, "READ_ONLY": ["default"]}
    assert "pinning.E043" not in dict(found())


@on_each_database
def test_a_replica_whose_replay_is_stopped(here, put):
    put("replica1", here.replica, USER=here.replica.user)
    with here.paused():
        assert found() == [("pinning.W027", "replica1")]
    assert found() == []


def test_a_replica_that_receives_nothing(fresh_here):
    fresh_here.primary.kill()
    assert sorted(found()) == [("pinning.W024", "default"), ("pinning.W027", "replica1")]


@pytest.mark.parametrize("vendor", ["mariadb"], indirect=True)
def test_a_replica_of_mariadb_that_receives_nothing(fresh_here, put):
    put("replica1", fresh_here.replica, USER="root")
    fresh_here.primary.kill()
    assert sorted(found()) == [("pinning.W024", "default"), ("pinning.W027", "replica1")]


@on_each_database
def test_a_replica_that_lags(here, settings):
    settings.PINNING = {**settings.PINNING, "MAX_LAG": 0.5}
    with here.paused():
        here.execute("INSERT INTO notes_tag (name) VALUES ('late')")
        assert ("pinning.W028", "replica1") in found()
        report = made()  # the primary may write to its log at any time: one reading for all
        lag: Any = report.values()["aliases"]["replica1"]["lag"]
        assert lag["distance"] > 0
        assert lag["at_least"] >= 1
        assert lag["at_most"] is None or lag["at_most"] >= 1
        unit = "transactions" if isinstance(here.primary, MariaDB) else "bytes"
        assert f"{lag['distance']:,} {unit}" in report.text()


def test_what_may_hold_the_replay_back(here):
    assert found() == []
    here.replica.configure("max_standby_streaming_delay", "-1")
    try:
        assert found() == [("pinning.W029", "replica1")]
        assert shown("settings")["max_standby_streaming_delay"] == "-1"
    finally:
        here.replica.configure("max_standby_streaming_delay", "30s")


@contextmanager
def configured(server: Any, setting: str, value: str, then: str) -> Iterator[None]:
    server.configure(setting, value)
    try:
        yield
    finally:
        server.configure(setting, then)


def test_settings_that_matter_are_explained(here):
    assert "hot_standby_feedback is off: " in made().text()
    with configured(here.replica, "hot_standby_feedback", "on", then="off"):
        assert "hot_standby_feedback is off: " not in made().text()
    with configured(here.primary, "synchronous_commit", "remote_apply", then="on"):
        assert "but synchronous_standby_names is empty" in made().text()


def test_a_role_that_may_not_ask_for_the_position(here, put):
    here.primary.create_role("plain", "IN ROLE pg_read_all_stats")
    right = "EXECUTE ON FUNCTION pg_control_system()"
    here.execute(f"REVOKE {right} FROM PUBLIC")
    here.replica.wait_until_caught_up()
    try:
        put("replica1", here.replica, USER="plain")
        assert found() == [("pinning.W030", "replica1")]
        assert "permission denied for function pg_control_system" in made().text()
    finally:
        here.execute(f"GRANT {right} TO PUBLIC")
        here.execute("DROP ROLE plain")


@on_each_database
def test_few_connections_are_left(here, connect):
    with ExitStack() as stack:
        most: Any = shown("most_connections")
        used: Any = shown("connections")
        for _ in range(int(most * 0.9) - used + 1):
            stack.enter_context(here.replica.connect())
        assert found() == [("pinning.W031", "replica1")]


def test_no_connection_is_left(here, connect):
    here.primary.create_role("plain", "CONNECTION LIMIT 0")
    here.replica.wait_until_caught_up()
    connections["replica1"].settings_dict["USER"] = "plain"
    try:
        (finding,) = made().findings
        assert (finding.id, finding.hint[:9]) == ("pinning.W024", "It is up:")
    finally:
        here.execute("DROP ROLE plain")


def test_a_replica_that_stayed_behind_at_a_failover(fresh_pair, put):
    pair = fresh_pair
    with pair.replica.upstream.replica() as second:
        pair.replica.promote()
        put("default", pair.replica)
        put("replica1", second)
        assert found() == [("pinning.W035", "replica1")]


def test_what_this_process_has_set_aside(here):
    replica("replica1").set_aside(OSError("the line\nis cut"))
    assert shown("set_aside") == "the line is cut"
    assert "This process has set 'replica1' aside: the line is cut" in made().text()
    replica("replica1").restore()
    assert shown("set_aside") == ""


def test_the_sql_is_printed_for_the_roles_that_need_it(here, put, capsys):
    call_command("pinning_status", sql=True)
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "Nothing has to be run.\n")
    here.primary.create_role("plain")
    here.replica.wait_until_caught_up()
    put("replica1", here.replica, USER="plain")
    try:
        assert found() == [("pinning.W016", "replica1")]
        assert (shown("timeline"), shown("may_see_timeline")) == (None, False)
        call_command("pinning_status", sql=True)
        here.execute(capsys.readouterr().out)
        here.replica.wait_until_caught_up()
        assert found() == []
        assert (shown("timeline"), shown("may_see_timeline")) == ("1", True)
        put("replica1", here.replica, PORT="1")
        with pytest.raises(SystemExit):
            call_command("pinning_status", sql=True)
        assert "'replica1' could not be asked: " in capsys.readouterr().err
    finally:
        here.execute("DROP SCHEMA IF EXISTS pinning CASCADE; DROP OWNED BY plain; DROP ROLE plain")


@pytest.fixture
def redis_here(settings: Any) -> Iterator[Redis]:
    """A Redis that the test may break, of this process."""
    with service(Redis()) as server:
        server.grow_old()
        backend = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": server.url}
        settings.CACHES = {"default": {**backend, "OPTIONS": {"SOCKET_TIMEOUT": 1}}}
        settings.PINNING = {"REPLICAS": {"default": ["replica1"]}, "STORES": ["cookie", "redis"]}
        yield server


@on_each_database
def test_the_exit_code_of_a_process_of_its_own(pair, redis_here):
    """As a deploy script has it; no tests run there."""

    def status(replica: Any) -> subprocess.CompletedProcess[str]:
        given = pair.settings(replicas={"replica1": replica.settings(DATABASE)})
        with closing(Site("wsgi", {**given, "redis": redis_here.url})) as site:
            program = [sys.executable, "-m", "django", "pinning_status"]
            return subprocess.run(
                program, env=site.environment(), capture_output=True, text=True, check=False
            )

    well, wrong = status(pair.replica), status(pair.primary)
    assert (well.returncode, well.stderr) == (0, "")
    assert well.stdout.endswith("\n\nNothing is wrong.\n")
    assert wrong.returncode == 1
    assert "warning pinning.W025: " in wrong.stdout


def stores() -> dict[str, Any]:
    return made().values()["stores"]


def test_a_redis_that_is_well(redis_here):
    assert made().findings == []
    assert stores()["redis"]["condition"]["policy"] == "no maxmemory"
    assert 0 < stores()["redis"]["answered_in"] < 1
    assert "with the client" in made().text()


def ids() -> list[str]:
    return [finding.id for finding in made().findings]


def test_a_redis_that_may_drop_pins(redis_here):
    redis_here.ask("CONFIG SET maxmemory 100mb")
    redis_here.ask("CONFIG SET maxmemory-policy volatile-ttl")
    assert ids() == ["pinning.W034"]
    assert "volatile-ttl" in made().text()
    redis_here.ask("CONFIG SET maxmemory-policy noeviction")
    assert ids() == []


def test_a_redis_that_was_emptied(redis_here):
    redis_here.forget()
    for _ in range(2):  # to look at it does not set its marks
        assert ids() == ["pinning.W033"]
        assert stores()["redis"]["condition"]["young_seconds"] is None
    redis_here.grow_old()
    redis_here.ask("SET :1:pinning:{memory}:young 1 PX 40000")
    assert ids() == ["pinning.W033"]
    assert 30 < stores()["redis"]["condition"]["young_seconds"] <= 40
    redis_here.ask("DEL :1:pinning:{memory}:young")
    assert ids() == []


@pytest.mark.parametrize("way", ["kill", "freeze"])
def test_a_redis_that_is_down(redis_here, way):
    getattr(redis_here, way)()
    assert ids() == ["pinning.W032"]
    assert "no answer" in made().text()


def test_a_redis_that_tells_nothing_of_its_memory(redis_here):
    redis_here.ask("ACL SETUSER default -info")
    redis_here.grow_old()
    assert ids() == []
    assert stores()["redis"]["condition"]["policy"] == ""
