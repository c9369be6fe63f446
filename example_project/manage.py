"""Runs a command on the servers of the demo that runs: `python -m example_project.manage COMMAND`.

`pinning_status` and `pinning_explain /` for two. `--directory FOLDER` comes first, if the demo had
one. If SERVERS is set, as by compose.yaml, it runs on those servers.
"""

import os
import sys
from pathlib import Path

import django
from django.core.management import execute_from_command_line

from example_project import servers
from example_project.servers import DemoError


def main() -> None:
    """Run it, as `manage.py` does."""
    program, *words = sys.argv
    if "SERVERS" not in os.environ:
        words = _find_demo(words)
    os.environ["DJANGO_SETTINGS_MODULE"] = "example_project.settings"
    django.setup()
    _install_machine()
    execute_from_command_line([program, *words])


def _find_demo(words: list[str]) -> list[str]:
    """Set the environment of the demo that runs. What is left of the command's words."""
    try:
        directory = servers.find_directory()
        if words[:1] == ["--directory"]:
            directory, words = Path(words[1]), words[2:]
        os.environ.update(servers.environment_of_demo(directory))
    except DemoError as error:
        sys.exit(str(error))
    return words


def _install_machine() -> None:
    """The controls work the demo's own process: shown here, they stand as at the start."""
    from example_project.panel import machine, modes  # need the set-up
    from pinning import conf
    from pinning.testing.processes import ServerError

    class Elsewhere:
        state = machine.State(
            lag_seconds=machine.FIRST_LAG_SECONDS,
            mode=modes.mode(),
            wait_seconds=conf.settings().wait,
            store=machine.COOKIE,
            has_redis=False,
        )

        def __getattr__(self, name: str) -> object:
            raise ServerError("The controls work in the process of `make demo` alone.")

    machine.install(Elsewhere())


if __name__ == "__main__":
    main()
