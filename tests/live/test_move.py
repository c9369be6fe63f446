"""Rows move between servers of two vendors while others write, and whatever is killed."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from pinning.move.dialects import dialect_of
from pinning.move.log import Log
from pinning.move.names import Name
from pinning.move.parts import parts_of
from pinning.move.records import Records
from pinning.testing.mariadb import MariaDB
from tests.live.conftest import on_postgresql_and_mariadb
from tests.live.site.clients import Site
from tests.live.site.pair import Pair

LABELS = ("shop.Order", "shop.Line", "shop.Product")
PARTS = ("order", "line", "product", "order_products", "giftorder")
MOVED = "tests.live.site.moves.orders"
#: At least so often the command is killed. With PINNING_KILLS=100 the rows move there and back.
KILLS = int(os.environ.get("PINNING_KILLS", "6"))

_numbers = itertools.count()


class World:
    """Two pairs of servers with the tables of the shop: ``default`` and ``archive``."""

    def __init__(self, default: Pair, archive: Pair) -> None:
        self.pairs = {"default": default, "archive": archive}
        self.database = f"move{next(_numbers)}"
        for pair in self.pairs.values():
            pair.primary.create_database(self.database)
            if isinstance(pair.primary, MariaDB):
                pair.primary.execute("SET GLOBAL log_bin_trust_function_creators = ON")
        with closing(self.site()) as site:
            for alias in self.pairs:
                where = ("--database", alias, "-v", "0")
                for app in ("shop", "move"):
                    site.manage("migrate", app, "--run-syncdb", *where)
        for pair in self.pairs.values():
            pair.replica.wait_until_caught_up()

    def site(self, models: str = MOVED, from_: str = "default", to: str = "archive") -> Site:
        default, archive = self.pairs["default"], self.pairs["archive"]
        settings = default.settings(
            primary=default.primary.settings(self.database),
            replicas={"replica1": default.replica.settings(self.database)},
            databases={
                "archive": archive.primary.settings(self.database),
                "archive1": {
                    **archive.replica.settings(self.database),
                    "TEST": {"MIRROR": "archive"},
                },
            },
            urls="clusters_urls",
            move={"from_": from_, "to": to},
            pinning={
                "REPLICAS": {"default": ["replica1"], "archive": ["archive1"]},
                "MODELS": {"shop": models, "move": "tests.live.site.moves.things"},
                "WAIT": 0.02,
            },
        )
        return Site("wsgi", settings)

    def execute(self, alias: str, statement: str) -> Any:
        return self.pairs[alias].primary.execute(statement, None, self.database)

    def count(self, alias: str) -> int:
        return sum(
            int(self.execute(alias, f"SELECT COUNT(*) FROM shop_{part}")[0][0]) for part in PARTS
        )


def command(site: Site, *options: str, to: str = "archive") -> subprocess.Popen[str]:
    program = [sys.executable, "-m", "django", "pinning_move", *LABELS, "--to", to, *options]
    return subprocess.Popen(
        program,
        env=site.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return output


@contextmanager
def writing(site: Site) -> Iterator[dict[str, Any]]:
    """Others write in this block. What they have written is in the result when it is left."""
    program = [sys.executable, "-m", "tests.live.site.order_writer"]
    process = subprocess.Popen(
        program, env=site.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    told: dict[str, Any] = {}
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        yield told
    finally:
        output, _ = process.communicate(timeout=60)
        told.update(json.loads(output))


def found(site: Site, alias: str) -> Any:
    program = (
        "import json; from tests.live.site.order_writer import state; "
        f"print(json.dumps(state({alias!r})))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program],
        env=site.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(output.stdout)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    names = {"postgresql": "session_pair", "mariadb": "mariadb_pair"}
    pairs = [request.getfixturevalue(names[vendor]) for vendor in request.param]
    yield World(*pairs)
    for pair in pairs:
        pair.catch_up()


both_ways = pytest.mark.parametrize(
    "world", [("postgresql", "mariadb"), ("mariadb", "postgresql")], indirect=True, ids="->".join
)


@on_postgresql_and_mariadb
def test_the_log_takes_keys_of_any_length(pair, connect):
    connection = connect(pair.primary)
    dialect = dialect_of(connection, Name.of("shop.Order"))
    log = Log(connection, dialect.name)
    part: Any = SimpleNamespace(code="some", text_of=lambda key, _: key)
    dialect.create_log()
    log.add(part, ["k" * 700])
    assert log.known(part, ["k" * 700, "k"]) == {"k" * 700}
    dialect.drop_log()


def test_the_triggers_of_another_schema_are_not_those_of_this_side(pair, connect):
    """Both clusters may be schemas of one database."""
    name = Name.of("notes.Tag")
    (part,) = parts_of(["notes.Tag"], name)
    there = connect(pair.primary, OPTIONS={"options": "-c search_path=archive"})
    here, there = (dialect_of(each, name) for each in (connect(pair.primary), there))
    records = Records(here.connection, name)
    records.create("")
    for statements in here.guards(part, "closed").values():
        here.run(*statements)
    assert (len(here.existing()), there.existing()) == (1, set())
    for trigger in here.existing():
        here.run(*here.drop(trigger, part))
    records.clear()


@both_ways
def test_nothing_is_lost_and_whoever_has_written_sees_it(world, figure):
    world.pairs["archive"].replica.set_delay(1)
    with closing(world.site()) as site:
        site.start()
        client, seen, failed = site.client(), [], 0
        with writing(site) as told:
            time.sleep(1)
            process = command(site)
            number = 0
            while process.poll() is None or number < 5:
                number += 1
                if client.write(f"mine {number}", "/orders").status_code == 200:
                    seen.append(f"mine {number}")
                else:
                    failed += 1
                assert set(seen) <= set(client.notes("/orders")), (number, failed)
            said = finished(process)
        figure("a write waited at most", f"{told['longest']:.1f} s")
        figure("writes, refusals", (told["writes"], told["refusals"]))
        figure("said", said)
        for key, order in found(site, "archive").items():
            if order[0] not in seen:
                assert told["orders"].pop(key) == order
        assert told["orders"] == {}
        assert {text for text in client.notes("/orders") if text.startswith("mine")} == set(seen)
        site.close_clients()
    with closing(world.site("archive")) as site:
        before = found(site, "archive")
        finished(command(site, "--drop"))
        finished(command(site, "--forget"))
        assert world.count("default") == 0
        assert found(site, "archive") == before


@pytest.mark.parametrize("world", [("postgresql", "mariadb")], indirect=True, ids="->".join)
def test_each_kind_of_value_there_and_back_and_the_other_rows_stay(world):
    with closing(world.site()) as site:
        program = [sys.executable, "-m", "tests.live.site.thing_moves"]
        done = subprocess.run(
            program, env=site.environment(), capture_output=True, text=True, check=False
        )
    assert "all as it was" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("world", [("postgresql", "mariadb")], indirect=True, ids="->".join)
def test_killed_at_any_moment_it_loses_nothing(world, figure):
    kills, way = 0, ("default", "archive")
    while kills < KILLS:
        kills += life(world, *way)
        way = way[1], way[0]
    figure("kills", kills)


def life(world: World, from_: str, to: str) -> int:
    """One whole move, in which the command is killed again and again. How often it was."""
    kills = 0
    with closing(world.site(from_=from_, to=to)) as site:
        with writing(site) as told:
            kills += until_done(site, to=to)
        assert found(site, to) == told["orders"]
    with closing(world.site(to, from_=from_, to=to)) as site:
        with writing(site) as told:
            kills += until_done(site, "--drop", to=to)
            kills += until_done(site, "--forget", to=to)
        assert found(site, to) == told["orders"]
    assert world.count(from_) == 0
    return kills


def until_done(site: Site, *options: str, to: str) -> int:
    """Kill it at random moments, which come later each time: a slow machine gets there too."""
    kills = 0
    while True:
        process = command(site, *options, to=to)
        try:
            output, _ = process.communicate(timeout=random.uniform(1, 6 + 2 * kills))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
            continue
        is_over = "have moved already" in output or f"is in {to!r} already" in output
        assert process.returncode == 0 or is_over, output
        return kills
