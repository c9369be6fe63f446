"""A Django project that is served by a process of its own, for tests that visit it."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pinning.testing import family
from pinning.testing.ports import reply
from pinning.testing.processes import Server

_GIVEN = "PINNING_TESTING_SITE"


def given() -> dict[str, Any]:
    """For a settings module: what its site was ``given``; empty elsewhere."""
    found: dict[str, Any] = json.loads(os.environ.get(_GIVEN, "{}"))
    return found


class Site(Server):
    """A project with the settings module ``settings``, found wherever we find our modules.

    What only the test knows, where its databases are for example, is ``given``, anything that JSON
    can hold: the settings module calls the function of that name. ``kind`` is "wsgi", or "asgi"
    for which uvicorn is needed.
    """

    title: ClassVar[str] = "The site"

    def __init__(
        self, settings: str, given: Mapping[str, Any] | None = None, *, kind: str = "wsgi"
    ) -> None:
        super().__init__()
        self.account = None  # ours, who can read the project
        self.settings = settings
        #: Told to the settings at the next start.
        self.given = given or {}
        self._kind = kind

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    def log(self) -> str:
        """What it has logged, and written to its standard output and error."""
        return (self.directory / "log").read_text()

    def manage(self, *arguments: str) -> None:
        """Run one of Django's commands with the site's settings; ServerError when it fails.

        The site need not run. Outside of a `with` block, `close()` belongs to it.
        """
        self._prepare_directory()
        self._run([sys.executable, "-m", "django", *arguments])

    def environment(self) -> dict[str, str]:
        """Of a process that has the site's settings: ours, and what leads to them."""
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path),
            "DJANGO_SETTINGS_MODULE": self.settings,
            _GIVEN: json.dumps(self.given),
        }

    def _environment(self) -> dict[str, str]:
        return self.environment()

    def _command(self) -> Sequence[str | Path]:
        return [sys.executable, "-m", "pinning.testing.serve", self._kind, str(self.port)]

    def _answers(self) -> bool:
        request = f"GET /nowhere HTTP/1.0\r\nHost: {self.host}\r\n\r\n"
        answer = reply(self.port, request.encode())
        # A stranger may have taken the port before the site was ready for it.
        return answer.startswith(b"HTTP/") and family.listens(self.pid, self.port)
