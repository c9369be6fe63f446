"""nginx and gunicorn as they come, in front of the site."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pinning.testing.ports import reply
from pinning.testing.processes import Server, find_program
from tests.live.site.clients import Site

_CONFIGURATION = """
daemon off;
pid {directory}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen {host}:{port};
        location / {{ proxy_pass http://{host}:{upstream}; proxy_set_header Host {host}; }}
    }}
}}
"""


class Nginx(Server):
    """nginx with its own limits on headers, in front of ``upstream``, a port."""

    title: ClassVar[str] = "nginx"

    def __init__(self, upstream: int) -> None:
        super().__init__()
        self.account = None
        self._upstream = upstream

    def _prepare(self) -> None:
        values = {"directory": self.directory, "host": self.host, "port": self.port}
        text = _CONFIGURATION.format(upstream=self._upstream, **values)
        (self.directory / "nginx.conf").write_text(text)

    def _command(self) -> Sequence[str | Path]:
        configuration = self.directory / "nginx.conf"
        return [find_program("nginx"), "-e", "stderr", "-c", configuration]

    def _answers(self) -> bool:
        request = f"GET /nowhere HTTP/1.0\r\nHost: {self.host}\r\n\r\n"
        return reply(self.port, request.encode()).startswith(b"HTTP/1.1 404")


class Gunicorn(Site):
    """The site under gunicorn: two processes, and its own limits on headers."""

    title: ClassVar[str] = "gunicorn"

    def _command(self) -> Sequence[str | Path]:
        address = f"{self.host}:{self.port}"
        application = "django.core.wsgi:get_wsgi_application()"
        return [sys.executable, "-m", "gunicorn", application, "-b", address, "-w", "2"]
