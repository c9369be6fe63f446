"""The site in a process of its own, one for each way: ``python -m benchmarks.peers.site PORT``."""

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

from benchmarks.peers.ways import Way
from pinning.testing.ports import reply
from pinning.testing.processes import Server

ROOT = Path(__file__).parents[2]


class Site(Server):
    """The site, routed in one of the ways. ``databases`` has the entries of DATABASES by alias."""

    title: ClassVar[str] = "The site"

    def __init__(self, way: Way, databases: dict[str, Any], redis: str) -> None:
        super().__init__()
        self.account = None
        self.way = way
        self._given = {"way": way.name, "redis": redis, **databases}

    def manage(self, *arguments: str) -> None:
        """Run one of Django's commands with the site's settings."""
        self._prepare_directory()
        self._run([sys.executable, "-m", "django", *arguments])

    def failures(self) -> dict[str, int]:
        """What its requests failed with, and how often: the last lines of the tracebacks."""
        lines = (self.directory / "log").read_text().splitlines()
        return dict(Counter(line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)))

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "benchmarks.peers.settings",
            "PINNING_BENCHMARK": json.dumps(self._given),
        }

    def _command(self) -> Sequence[str | Path]:
        return [sys.executable, "-m", "benchmarks.peers.site", str(self.port)]

    def _answers(self) -> bool:
        request = b"GET /nowhere HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"
        return b"404" in reply(self.port, request)


class _Handler(WSGIRequestHandler):
    disable_nagle_algorithm = True  # head and body are two packets; the client delays its answer

    def log_message(self, *arguments: object) -> None:
        """Log nothing."""


def serve(port: int) -> None:
    """Serve until the process is ended, with a thread for each connection that is kept."""
    import django

    django.setup()
    from django.conf import settings  # what follows needs the settings
    from django.core.wsgi import get_wsgi_application

    from benchmarks.peers import counts

    counts.begin(has_positions=settings.HAS_POSITIONS)
    server = ThreadedWSGIServer(("127.0.0.1", port), _Handler)
    server.set_app(get_wsgi_application())
    server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
