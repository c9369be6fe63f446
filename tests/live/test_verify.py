"""``manage.py pinning_verify`` visits a site on a primary and a replica that lags."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pinning.verify.checker import check
from pinning.verify.history import Kind, read_history
from proof.agreement import disagreement
from tests.live.conftest import on_each_database
from tests.live.site.clients import Site
from tests.live.site.pair import Pair

STORES = ["cookie", "redis"]


@pytest.fixture
def verify(pair: Pair, redis: Any, running: dict[str, Site], vendor: str) -> Callable[..., Any]:
    """Runs the command against a site of these stores; what came of it."""

    def verify(
        *arguments: str, stores: list[str] = STORES, pinning: dict[str, Any] | None = None
    ) -> subprocess.CompletedProcess[str]:
        settings = pair.settings(
            urls="verify_urls", stores=stores, redis=redis.url, pinning=pinning or {}
        )
        site = running.setdefault(f"verify {vendor} {stores} {pinning}", Site("wsgi", settings))
        site.start()
        command = [sys.executable, "-W", "error", "-m", "django", "pinning_verify"]
        return subprocess.run(
            [*command, f"{site.url}/verify", "--seed", "7", *arguments],
            env=site.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return verify


@on_each_database
def test_a_site_on_a_replica_that_lags_is_good(
    verify: Callable[..., Any], pair: Pair, tmp_path: Path
):
    pair.replica.set_delay(1)
    history = tmp_path / "history.jsonl"
    done = verify("--requests", "500", "--history", str(history))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Each saw it." in done.stdout
    operations = list(read_history(history))
    kinds = {operation.session.rstrip(" 0123456789") for operation in operations}
    assert kinds == {"browser", "browser with two tabs", "token client", "user"}
    assert {Kind.LOGIN, Kind.READ, Kind.WRITE} <= {operation.kind for operation in operations}
    verdict = check(operations)
    assert disagreement(operations, verdict) == ""
    assert {"replica1", "default"} == {alias for alias, _ in verdict.served}
    tables = ("pinning_verify_login", "django_session", "pinning_verify_counter", "auth_user")
    rows = [pair.execute(f"SELECT count(*) FROM {table}") for table in tables]
    assert rows == [[(0,)], [(0,)], [(1,)], [(1,)]]  # nothing is left but that it was


def test_a_history_is_kept_in_a_format_of_others(verify: Callable[..., Any], tmp_path: Path):
    history = tmp_path / "history.edn"
    done = verify("--requests", "200", "--history", str(history), "--format", "elle")
    assert done.returncode == 0
    lines = history.read_text().splitlines()
    assert {line[:9] for line in lines} == {"{:type :i", "{:type :o"}


def test_without_a_store_on_a_server_only_browsers_are_promised_anything(
    verify: Callable[..., Any],
):
    done = verify("--requests", "100", stores=["cookie"])
    assert done.returncode == 0
    assert "No token client: it needs a store on a server" in done.stderr
    assert "No user: it needs a store on a server" in done.stderr


def test_a_site_that_reads_from_the_primary_alone_proves_nothing(verify: Callable[..., Any]):
    done = verify("--requests", "100", stores=["cookie"], pinning={"USE_REPLICAS": False})
    assert done.returncode == 2
    assert "This proves nothing: the primary served every read" in done.stderr
    assert "USE_REPLICAS is off" in done.stderr


def test_time_is_a_bound(verify: Callable[..., Any]):
    done = verify("--seconds", "0.5", stores=["cookie"])
    assert done.returncode == 0
