"""A hundred promotions, each of which loses a write: no node ever says that it has that write."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.db.backends.postgresql.base import DatabaseWrapper

from pinning import databases
from pinning.pins.pin import Pin
from pinning.reads import caught_up
from pinning.testing.accounts import own
from pinning.testing.postgres import Postgres, Replica
from tests.live.conftest import completed
from tests.services import give_up, service

SEED = 5
SCRIPTS = 100
AT_ONCE = 3
WINDOW = 600  # far longer than a script takes: what is said too early is the position's fault
MAX_PIN = 1200
SOON_SECONDS = 5.0

#: May it see which timeline a standby is on?
ROLES = {"postgres": True, "granted": True, "ordinary": False}
KINDS = ["plain", "cascade", "paused", "stranded", "headless", "twins", "rewound", "repointed"]

_TABLE = """
CREATE TABLE note (text text);
GRANT pg_read_all_stats TO granted;
GRANT ALL ON note TO ordinary, granted; INSERT INTO note VALUES ('kept')
"""


class First(Postgres):
    """The primary that the writes are lost with: of small files, and fit for pg_rewind."""

    def _create(self, data: Path) -> None:
        self._initialize(data, "--wal-segsize=1")
        with (data / "postgresql.conf").open("a") as file:
            file.write(
                "listen_addresses = '127.0.0.1'\nshared_buffers = 4MB\nfsync = off\n"
                "dynamic_shared_memory_type = mmap\nwal_keep_size = 64MB\nwal_log_hints = on\n"
                "wal_retrieve_retry_interval = 20ms\nmax_wal_senders = 20\nautovacuum = off\n"
            )


class Clone(Replica):
    """A copy of a standby that was stopped before the write that is lost."""

    def __init__(self, template: Path, upstream: Postgres) -> None:
        super().__init__(upstream)
        self._template = template

    def start(self, *, timeout_seconds: float = 30.0) -> None:
        """Start, whether there is somebody to stream from or not."""
        Postgres.start(self, timeout_seconds=timeout_seconds)

    def _create(self, data: Path) -> None:
        data.mkdir(mode=0o700)
        own(self.account, data)
        self._run(["tar", "-xf", self._template, "-C", data])

    def restart(self) -> None:
        self.stop()
        self.start()

    def pass_by(self, position: int) -> None:
        """Write rows until the log is further than ``position``."""
        behind = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint"
        while (left := position - self.execute(behind)[0][0]) >= 0:
            rows = left // 1000 + 2
            self.execute(
                f"INSERT INTO note SELECT repeat('x', 999) FROM generate_series(1, {rows})"
            )
        self.execute("INSERT INTO note VALUES ('passed')")

    def rewind(self, source: Postgres) -> None:
        """Come back as a standby of ``source``, as the manual's pg_rewind page says."""
        server = f"host={source.host} port={source.port} user={source.user} dbname=postgres"
        how = ["--source-server", server, "--no-sync", "--target-pgdata", self._data]
        self._run([self.programs / "pg_rewind", *how])
        (self._data / "standby.signal").touch()
        self.upstream = source


@dataclass(frozen=True)
class Script:
    """What happens in one promotion."""

    kind: str
    role: str
    lost_rows: int
    connects_early: bool
    restarts_primary: bool
    restarts_standby: bool


@dataclass
class Stage:
    """What all scripts share: a primary that lives on, a standby of it, a stopped one to copy."""

    primary: Postgres
    follower: Replica
    template: Path
    kept: Pin
    nobody: Postgres


@pytest.fixture(scope="module")
def stage(django_db_blocker: Any) -> Iterator[Stage]:
    with ExitStack() as stack:
        primary = stack.enter_context(service(First()))
        if not (primary.programs / "pg_rewind").exists():
            give_up("pg_rewind is not on this machine.")
        for role in ("ordinary", "granted"):
            primary.create_role(role)
        for statement in _TABLE.split(";"):
            primary.execute(statement)
        for spare in ("template0", "template1"):  # two thirds of the files to copy
            primary.execute(f"ALTER DATABASE {spare} IS_TEMPLATE false")
            primary.execute(f"DROP DATABASE {spare}")
        template = stack.enter_context(primary.replica())
        follower = stack.enter_context(primary.replica())
        with django_db_blocker.unblock():
            connection = connect(primary, "postgres")
            kept = pin_of(connection)
            connection.close()
        template.wait_until_caught_up()
        template.stop()
        archive = template.directory / "data.tar"  # a tenth of the time of cp -r on ext4
        template._run(["tar", "-cf", archive, "-C", template.directory / "data", "."])
        nobody = Postgres()
        nobody.password = primary.password  # clones take it from their upstream
        yield Stage(primary, follower, archive, kept, nobody)


def scripts() -> list[Script]:
    """The same hundred in every run; all kinds with all roles."""
    chance = random.Random(SEED)
    return [
        Script(
            kind=KINDS[number % len(KINDS)],
            role=list(ROLES)[number // len(KINDS) % len(ROLES)],
            lost_rows=chance.choice([1, 1, 3, 10, 30]),
            connects_early=chance.random() < 0.5,
            restarts_primary=chance.random() < 0.3,
            restarts_standby=chance.random() < 0.3,
        )
        for number in range(SCRIPTS)
    ]


class Promotion:
    """Plays one script, and asks the nodes as pinning does."""

    def __init__(self, stage: Stage, script: Script, stack: ExitStack) -> None:
        self.stage = stage
        self.script = script
        self.stack = stack
        self.counts: Counter[str] = Counter()
        self.seconds = 0.0  # until a write on the new primary was reached
        self._sees = ROLES[script.role]
        self._connections: dict[Postgres, DatabaseWrapper] = {}

    def play(self) -> None:
        getattr(self, f"_play_{self.script.kind}")()

    # The kinds

    def _play_plain(self, cascades: bool = False) -> None:
        """The standby is pointed at the new primary; or it followed that one all along."""
        new = self._clone()
        standby = self._clone(new if cascades else self.stage.nobody)
        lost = self._lose(self.stage.primary)
        self._promote(new, standby)
        if not cascades:
            standby.follow(new)
        self._judge(new, standby, lost)

    def _play_cascade(self) -> None:
        self._play_plain(cascades=True)

    def _play_paused(self) -> None:
        """The new primary had received what it has not replayed, and then the connection broke."""
        new = self._clone(self.stage.primary)
        new.wait_until_streaming()
        new.pause_replay()
        self._write(self.stage.primary, "received")
        self._wait_until_received(new)
        new.follow(self.stage.nobody)
        receiver = "SELECT pid FROM pg_stat_wal_receiver"
        os.kill(new.execute(receiver)[0][0], signal.SIGTERM)  # a paused replay minds no new address
        while new.execute(receiver):
            time.sleep(0.005)
        lost = self._lose(self.stage.primary)
        standby = self._clone(new)
        self._promote(new, standby)
        self._judge(new, standby, lost)

    def _play_stranded(self) -> None:
        """The standby has received the lost write; it has it, or follows nobody any more."""
        new, standby = self._clone(), self._clone(self.stage.primary)
        standby.wait_until_streaming()
        standby.pause_replay()
        lost = self._lose(self.stage.primary)
        self._wait_until_received(standby)
        self._promote(new, standby)
        standby.follow(new)
        if standby.execute("SELECT pg_is_wal_replay_paused()")[0][0]:
            standby.resume_replay()
        new.pass_by(lost.position)
        for _ in range(20):
            self._ask(standby, lost, "lost")
            self._ask(standby, self._write(new, "new"), "new")
        self._expect(standby, aged(lost, MAX_PIN))

    def _play_headless(self) -> None:
        """The new primary has died as well: the standby receives nothing any more."""
        new, standby = self._clone(), self._clone()
        lost = self._lose(self.stage.primary)
        self._promote(new, standby)
        standby.follow(new)
        self._pass_by(new, standby, lost)
        new.kill()
        if self.script.restarts_standby:
            standby.restart()
        self._ask(standby, lost, "lost")
        self._expect(standby, aged(lost, WINDOW))

    def _play_twins(self) -> None:
        """Two nodes were promoted one after the other, and both call their timeline 2."""
        first, new, standby = self._clone(), self._clone(), self._clone()
        first.promote()
        lost = self._lose(first)
        first.kill()
        self._promote(new, standby)
        standby.follow(new)
        self._judge(new, standby, lost)

    def _play_rewound(self) -> None:
        """The old primary comes back as a standby of the new one."""
        old = self._clone()
        old.promote()
        new = self._clone(old)
        new.wait_until_caught_up()
        new.stop()
        lost = self._lose(old)
        self._close(old)
        old.stop()
        new.upstream = self.stage.nobody
        new.start()
        self._promote(new, None)
        new.pass_by(lost.position)
        new.execute("CHECKPOINT")  # or pg_rewind takes the new one's timeline for the old one's
        old.rewind(new)
        old.start()
        self._judge(new, old, lost)

    def _play_repointed(self) -> None:
        """The alias led to a standby that has the lost write, and then leads to the other one."""
        new, standby = self._clone(), self._clone()
        lost = self._lose(self.stage.primary)
        self._expect(self.stage.follower, lost if self._sees else aged(lost, WINDOW), "lost")
        self._promote(new, standby)
        standby.follow(new)
        self._close(standby)
        connection = self._connections.pop(self.stage.follower)
        connection.close()
        connection.settings_dict["PORT"] = str(standby.port)
        self._connections[standby] = connection
        self._judge(new, standby, lost)

    # The steps

    def _clone(self, upstream: Postgres | None = None) -> Clone:
        clone = Clone(self.stage.template, upstream or self.stage.nobody)
        return self.stack.enter_context(clone)

    def _lose(self, server: Postgres) -> Pin:
        for _ in range(self.script.lost_rows):
            pin = self._write(server, f"lost {id(self)}")
        return pin

    def _write(self, server: Postgres, text: str) -> Pin:
        connection = self._connection(server)
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO note VALUES (%s)", [text])
        return pin_of(connection)

    def _promote(self, new: Clone, standby: Clone | None) -> None:
        if self.script.connects_early:
            for server in filter(None, [new, standby]):
                says_reached(self._connection(server), self.stage.kept)
        new.promote()
        if self.script.restarts_primary:
            self._close(new)
            new.restart()

    def _pass_by(self, new: Clone, standby: Clone, lost: Pin) -> None:
        new.pass_by(lost.position)
        standby.wait_until_caught_up()

    def _judge(self, new: Clone, standby: Clone, lost: Pin) -> None:
        """Neither node says that it has the lost write; the standby soon has a new one."""
        self._ask(new, lost, "lost")
        self._ask(standby, lost, "lost")
        self._pass_by(new, standby, lost)
        if self.script.restarts_standby:
            standby.restart()
        standby.wait_until_streaming()
        for server in (new, standby):
            self._ask(server, lost, "lost")
            self._expect(server, aged(lost, WINDOW))
            self._expect(server, aged(lost, MAX_PIN))
        written = self._write(new, "new")
        if self._sees:
            self.seconds = self._expect(standby, written, "new")
        else:
            self._ask(standby, written, "new")
            self._expect(standby, aged(written, WINDOW), "new")
        self._ask(standby, lost, "lost")

    # The questions

    def _ask(self, server: Postgres, pin: Pin, text: str) -> None:
        """Twice, as the second answer may come from what the first one left behind."""
        connection = self._connection(server)
        for _ in range(2):
            self.counts["asked"] += 1
            if says_reached(connection, pin) and not self._has(connection, text):
                self.counts["wrong"] += 1

    def _expect(self, server: Postgres, pin: Pin, text: str = "") -> float:
        """It is said soon; how many seconds that took, and whether it was true."""
        connection = self._connection(server)
        start = time.monotonic()
        while not says_reached(connection, pin):
            if time.monotonic() - start > SOON_SECONDS:
                self.counts["held too long"] += 1
                break
            time.sleep(0.001)
        else:
            if text and not self._has(connection, text):
                self.counts["wrong"] += 1
        return time.monotonic() - start

    def _has(self, connection: DatabaseWrapper, text: str) -> bool:
        """Also where the server was restarted: nothing is read, so nothing stale."""
        pattern = f"lost {id(self)}" if text == "lost" else text
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM note WHERE text = %s", [pattern])
                found = int(cursor.fetchone()[0])
        except OperationalError:
            connection.close()
            return True
        return found >= (self.script.lost_rows if text == "lost" else 1)

    def _wait_until_received(self, server: Postgres) -> None:
        wanted = self.stage.primary.execute("SELECT pg_current_wal_lsn()")[0][0]
        reached = "SELECT pg_last_wal_receive_lsn() >= %s::pg_lsn"
        while not server.execute(reached, [wanted])[0][0]:
            time.sleep(0.005)

    def _connection(self, server: Postgres) -> DatabaseWrapper:
        if server not in self._connections:
            self._connections[server] = connect(server, self.script.role)
        return self._connections[server]

    def _close(self, server: Postgres) -> None:
        connection = self._connections.pop(server, None)
        if connection is not None:
            connection.close()

    def close(self) -> None:
        for server in list(self._connections):
            self._close(server)


def connect(server: Postgres, role: str) -> DatabaseWrapper:
    settings = completed({**server.settings("postgres"), "USER": role})
    return DatabaseWrapper(settings, alias="replica1")


def pin_of(connection: DatabaseWrapper) -> Pin:
    position = databases.of_primary(connection)
    ((timeline, place),) = position.places.items()
    return Pin(cluster="default", written_at=position.clock, timeline=timeline, position=place)


def says_reached(connection: DatabaseWrapper, pin: Pin) -> bool:
    """Asked as the router does, of a replica that was seen to be usable."""
    connection.ensure_connection()
    return caught_up.has_reached(connection, (pin,))


def aged(pin: Pin, seconds: float) -> Pin:
    return replace(pin, written_at=pin.written_at - seconds)


def play(stage: Stage, script: Script) -> Promotion:
    with ExitStack() as stack:
        promotion = Promotion(stage, script, stack)
        stack.callback(promotion.close)
        promotion.play()
        return promotion


def test_no_promotion_makes_a_lost_write_look_reached(
    stage: Stage, settings, django_db_blocker: Any, figure
):
    settings.PINNING = {
        "REPLICAS": {"default": ["replica1"]},
        "WINDOW": WINDOW,
        "MAX_PIN": MAX_PIN,
    }
    start = time.monotonic()
    with django_db_blocker.unblock(), ThreadPoolExecutor(AT_ONCE) as pool:
        promotions = list(pool.map(lambda script: play(stage, script), scripts()))
    counts = sum((promotion.counts for promotion in promotions), Counter())
    figure(f"wrong 'caught up' in {len(promotions)} scripted promotions", counts["wrong"])
    figure("held longer than allowed in them", counts["held too long"])
    slowest = max(promotion.seconds for promotion in promotions)
    figure("longest until a write on the new primary was reached, s", f"{slowest:.3f}")
    figure("questions asked, seconds taken", f"{counts['asked']}, {time.monotonic() - start:.0f}")
    wrong = Counter((p.script.kind, p.script.role) for p in promotions if p.counts["wrong"])
    held = [p.script for p in promotions if p.counts["held too long"]]
    assert (wrong, held) == (Counter(), [])
