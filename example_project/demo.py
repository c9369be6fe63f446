"""The board on a real primary and a replica that lags: `python -m example_project.demo`.

Everything it starts ends with it. What was posted is kept for the next start.
"""

import argparse
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import django
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application

from example_project import servers
from example_project.servers import DemoError
from pinning.testing.postgres import Postgres, Replica
from pinning.testing.processes import MissingService, ServerError
from pinning.testing.redis import Redis

HOST = "127.0.0.1"
DATABASE = "board"
DATABASES = (DATABASE, "archive")
PEOPLE = ("ada", "grace")
PASSWORD = "pinning"
SEEDS = (
    "Welcome. Post a note: it is here at once, although the replica is behind.",
    "Then turn pinning off, and post another one.",
    "The panel tells where each query ran, and why.",
)


def main() -> int:
    """Run until Ctrl-C. The exit status: 0, or 1 with a sentence why it could not start."""
    stop = Stop()
    options = _options()
    try:
        with _listening(options.port) as server:
            directory = options.directory or servers.find_directory()
            with servers.locked(directory):
                _run(server, directory, stop)
    except Stopped:
        print("Stopped.", flush=True)
    except (DemoError, MissingService) as error:
        return _failed(str(error))
    except ServerError as error:
        if not stop.asked:  # Ctrl-C reaches initdb and pg_basebackup too, which fail then
            return _failed(f"{error}\nShould the data be broken, remove {directory}.")
        print("Stopped.", flush=True)
    return 0


class Stopped(Exception):  # noqa: N818 - what was asked for, not a mistake
    """Somebody asked the demo to stop."""


class Stop:
    """Notes Ctrl-C, SIGTERM and a closed terminal; honoured between two steps, never within one."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True

    def check(self) -> None:
        """Raise Stopped if somebody asked for it."""
        if self.asked:
            raise Stopped


class Server(ThreadedWSGIServer):
    """Django's development server, in steps short enough to notice that we shall stop."""

    allow_reuse_port = False  # or two demos could share a port, from Python 3.14 on
    timeout = 0.2

    def serve_until(self, stop: Stop) -> None:
        """Answer requests until Stopped is raised."""
        while True:
            stop.check()
            self.handle_request()


def _run(server: Server, directory: Path, stop: Stop) -> None:
    print(f"Starting PostgreSQL in {directory} ...", flush=True)
    with (
        _redis() as redis,
        servers.running(directory, _fill, stop.check) as (primary, replica),
    ):
        from example_project.panel import machine  # needs the set-up that _fill does

        machine.install(machine.Machine(replica, redis))
        os.environ["MANAGE"] = _manage(directory)
        server.set_app(StaticFilesHandler(get_wsgi_application()))
        servers.note_environment(directory)
        with closing(machine.machine()):
            print(*_what_runs(primary, replica, redis, server.server_port), sep="\n", flush=True)
            print(*_what_to_ask(), sep="\n", flush=True)
            server.serve_until(stop)


def _what_runs(
    primary: Postgres, replica: Replica, redis: Redis | None, port: int
) -> Iterator[str]:
    """What was started, and how to look inside."""
    yield f"The primary:  {_psql(primary)}"
    yield f"The replica:  {_psql(replica)}"
    if redis is None:
        yield "Redis:        none, as there is no redis-server here; pins live in a cookie"
    else:
        yield f"Redis:        redis-cli -u {redis.url}"
    yield "Each has two databases: board, and archive for what moves there."
    yield "How far they are:  SELECT pg_current_wal_lsn();  SELECT pg_last_wal_replay_lsn();"
    yield f"The board:    http://{HOST}:{port}/"


def _manage(directory: Path) -> str:
    """What stands for `manage.py`, in another terminal and this folder."""
    options = [] if directory == servers.find_directory() else ["--directory", str(directory)]
    program = os.path.relpath(sys.executable)
    return shlex.join([program, "-m", "example_project.manage", *options])


def _what_to_ask() -> Iterator[str]:
    """What may be run in another terminal, and how all of it ends."""
    command = os.environ["MANAGE"]
    yield f"Ask it:       {command} pinning_status"
    yield f"              {command} pinning_explain / --user {PEOPLE[0]} --after-write"
    yield f"Move events:  {command} pinning_move activity.Event --to archive"
    yield "Ctrl-C stops all of it. The notes are kept for the next start."


@contextmanager
def _redis() -> Iterator[Redis | None]:
    """A Redis for the pins, where there is a program for it."""
    with ExitStack() as stack:
        try:
            redis = stack.enter_context(Redis())
        except MissingService:
            yield None
        else:
            os.environ["REDIS_URL"] = redis.url
            yield redis


def _fill(primary: Postgres, replica: Replica) -> None:
    """Set Django up for the servers; migrate both clusters, and make the first notes."""
    for name in DATABASES:
        if not primary.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]):
            primary.create_database(name)
    os.environ["DJANGO_SETTINGS_MODULE"] = "example_project.settings"
    os.environ["SERVERS"] = f"{HOST}:{primary.port} {HOST}:{replica.port}"
    os.environ["DATABASE_PASSWORD"] = primary.password
    django.setup()
    call_command("migrate", verbosity=0)
    call_command("migrate", "activity", database="archive", verbosity=0)  # nothing else is there
    from django.contrib.auth.models import User  # these need the set-up

    from example_project.board.models import Note

    for name in PEOPLE:
        if not User.objects.filter(username=name).exists():
            User.objects.create_user(name, password=PASSWORD)
    if "TOOLS" in os.environ:  # which has the admin
        User.objects.filter(username=PEOPLE[0]).update(is_staff=True, is_superuser=True)
    if not Note.objects.exists():
        Note.objects.bulk_create([Note(text=text) for text in SEEDS])


def _listening(port: int) -> Server:
    """The web server, with its port taken; whoever asks already waits until it answers."""
    try:
        return Server((HOST, port), WSGIRequestHandler)
    except OSError as error:
        raise DemoError(
            f"Port {port} cannot be had ({error.strerror}): choose another one, as in "
            "PORT=8001 make demo."
        ) from None


def _psql(server: Postgres) -> str:
    program = "psql" if shutil.which("psql") else str(server.programs / "psql")
    place = server.sockets or server.host  # by the socket it asks for no password
    address = ["-h", str(place), "-p", str(server.port), "-U", server.user]
    return shlex.join([program, *address, DATABASE])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m example_project.demo", description=__doc__)
    parser.add_argument("--port", type=_port, default=os.environ.get("PORT") or "8000")
    parser.add_argument("--directory", type=Path, help="where the servers keep their data")
    return parser.parse_args()


def _port(text: str) -> int:
    if not (text.isdecimal() and 0 < int(text) < 2**16):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, which is from 1 to 65535")
    return int(text)


def _failed(sentence: str) -> int:
    print(sentence, file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
