"""The site under the servers that projects use, two processes each, and Celery's workers."""

import grp
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pinning.testing import family
from pinning.testing.accounts import unprivileged_account
from pinning.testing.ports import reply
from tests.live.site import drivers
from tests.live.site.clients import Client, Site

PROCESSES = 2
_WSGI = "django.core.wsgi:get_wsgi_application"
_ASGI = "django.core.asgi:get_asgi_application"
_GUNICORN = f"gunicorn -b {{host}}:{{port}} -w {PROCESSES} --no-control-socket"
_UWSGI = f"uwsgi --http-socket {{host}}:{{port}} --master --need-app --die-on-term -p {PROCESSES}"
_GRANIAN = f"granian --host {{host}} --port {{port}} --workers {PROCESSES} --log-level warning"
_UVICORN = f"uvicorn --host {{host}} --port {{port}} --workers {PROCESSES} --log-level warning"
_APACHE = (
    f"mod_wsgi-express start-server --host {{host}} --port {{port}} --processes {PROCESSES} "
    "--threads 4 --application-type module --server-root {folder} --log-to-terminal"
)
#: Was imported, and has answered a request, before the processes were forked.
_WARMED = "tests.live.site.warmed:application"


@dataclass(frozen=True)
class WebServer:
    """One way to serve the site.

    ``threads`` are those of a process that keep their connections. 0: as many as requests are
    under way, and none is kept.
    """

    package: str
    command: str
    threads: int = 1
    #: Other packages that it needs.
    more: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """What the package is imported as."""
        return self.package.removesuffix("-standalone")

    @property
    def processes(self) -> int:
        """Those that may have connections. The one that forked the others, if it was warmed."""
        return PROCESSES + (_WARMED in self.command)

    @property
    def urls(self) -> str:
        """Of the site with the views that are usual under it."""
        return "async_urls" if _ASGI in self.command else "sync_urls"


SERVERS = {
    "gunicorn sync": WebServer("gunicorn", f"{_GUNICORN} -k sync '{_WSGI}()'"),
    "gunicorn gthread": WebServer(
        "gunicorn", f"{_GUNICORN} -k gthread --threads 4 '{_WSGI}()'", threads=4
    ),
    "gunicorn --preload": WebServer(
        "gunicorn", f"{_GUNICORN} -k gthread --threads 4 --preload {_WARMED}", threads=4
    ),
    "gunicorn gevent": WebServer(
        "gunicorn", f"{_GUNICORN} -k gevent '{_WSGI}()'", threads=0, more=("gevent",)
    ),
    "uWSGI": WebServer("pyuwsgi", f"{_UWSGI} --module {_WARMED}"),
    "uWSGI enable-threads": WebServer("pyuwsgi", f"{_UWSGI} --enable-threads --module {_WARMED}"),
    "uWSGI threads": WebServer("pyuwsgi", f"{_UWSGI} --threads 4 --module '{_WSGI}()'", threads=4),
    "uWSGI lazy-apps": WebServer(
        "pyuwsgi", f"{_UWSGI} --lazy-apps --enable-threads --module '{_WSGI}()'"
    ),
    "mod_wsgi": WebServer(
        "mod_wsgi-standalone", f"{_APACHE} tests.live.site.served_by_apache", threads=4
    ),
    "granian wsgi": WebServer(
        "granian", f"{_GRANIAN} --interface wsgi --blocking-threads 4 --factory {_WSGI}", threads=4
    ),
    "granian asgi": WebServer(
        "granian", f"{_GRANIAN} --interface asginl --factory {_ASGI}", threads=0
    ),
    "uvicorn": WebServer("uvicorn", f"{_UVICORN} --lifespan off --factory {_ASGI}", threads=0),
}


class ServedSite(Site):
    """The site under one of them, with one of ``drivers``."""

    def __init__(self, server: WebServer, driver: str, given: dict[str, Any]) -> None:
        super().__init__("wsgi", given)
        self.settings = "tests.live.site.driven_settings"
        self._server = server
        self._driver = driver

    def environment(self) -> dict[str, str]:
        return {**super().environment(), **drivers.told(self._driver)}

    def client(self, cookies: Any = None, *, follows: bool = True) -> Client:
        """A visitor who comes anew for each request: some of these servers hang up."""
        client = super().client(cookies, follows=follows)
        client.headers["Connection"] = "close"
        return client

    def _command(self) -> Sequence[str | Path]:
        where = {"host": self.host, "port": self.port, "folder": self.directory / "apache"}
        program, *more = shlex.split(self._server.command.format(**where))
        if program == "mod_wsgi-express":
            more += self._account_of_apache()
        if program in {"uwsgi", "mod_wsgi-express"}:  # which have Python inside
            return [Path(sys.executable).with_name(program), *more]
        return [sys.executable, "-m", program, *more]

    def _account_of_apache(self) -> list[str]:
        """Apache needs one that may enter its folder, where it would have root's."""
        account = unprivileged_account()
        if account is None:
            return []
        self.directory.chmod(0o711)
        return ["--user", account.name, "--group", grp.getgrgid(account.group_id).gr_name]

    def _answers(self) -> bool:
        """Some listen in their children alone."""
        request = f"GET /driver HTTP/1.0\r\nHost: {self.host}\r\n\r\n"
        processes = family.members_of(self.pid)
        is_ours = any(family.listens(each.pid, self.port) for each in processes)
        return is_ours and reply(self.port, request.encode()).startswith(b"HTTP/")


class Worker(Site):
    """A Celery worker, which consumes the queue that is named like its pool."""

    title: ClassVar[str] = "The worker"

    def __init__(self, pool: str, given: dict[str, Any], *, slots: int = 1) -> None:
        super().__init__(pool, given)
        self._slots = str(slots)

    def _command(self) -> Sequence[str | Path]:
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        name = self._kind
        pool = ["-P", name, "-c", self._slots, "-Q", name, "-n", f"{name}@localhost"]
        command = [sys.executable, "-m", "celery", "-A", "tests.live.site.celery_app", "worker"]
        return [*command, *pool, *quiet, "-l", "INFO"]

    def _answers(self) -> bool:
        return " ready." in self.log()
