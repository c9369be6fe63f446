"""The demo's primary and replica, and the folder that keeps them from one start to the next.

In the folder: `lock`, held by the demo that runs; `running`, where its servers are; `servers-*`,
one per attempt to make them; and `complete`, which names the attempt that came to its end. Servers
with another name are left over from a start that was killed, and go.
"""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pinning.testing import family
from pinning.testing.accounts import can_enter, unprivileged_account
from pinning.testing.postgres import Postgres, Replica

_REPOSITORY = Path(__file__).parents[1]
_LEFTOVER_SECONDS = 10.0


class DemoError(Exception):
    """Why the demo cannot start, in a sentence for whoever started it."""


def find_directory() -> Path:
    """A folder to keep the servers in: in the checkout, or where that does not serve, elsewhere.

    It may be read-only, or out of reach for the account that PostgreSQL runs as.
    """
    name = f"django-pinning-demo-{os.getuid()}"
    elsewhere = [Path(tempfile.gettempdir()) / name, Path("/tmp") / name, Path("/var/tmp") / name]
    for directory in [_REPOSITORY / ".demo", *elsewhere]:
        if _serves(directory):
            return directory
    raise DemoError(f"Neither {_REPOSITORY} nor {elsewhere[0].parent} can keep the demo's data.")


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keep every other demo out of `directory`. The lock ends with the process, however it ends."""
    if not _serves(directory):
        raise DemoError(f"{directory} cannot keep the demo's data: choose another folder.")
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoError(f"The demo is running already, on the data in {directory}.") from None
        yield


#: What the settings are told of the servers.
_VARIABLES = ("SERVERS", "DATABASE_PASSWORD", "REDIS_URL", "EVENTS")


def note_environment(directory: Path) -> None:
    """Leave word of the servers, for `manage.py`. It has a password, so nobody else may read it."""
    known = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    file = directory / "running"
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(json.dumps(known))


def environment_of_demo(directory: Path) -> dict[str, str]:
    """What the demo that runs on `directory` has noted. Raises DemoError if none does."""
    try:
        with (directory / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        pass
    except BlockingIOError:
        with contextlib.suppress(FileNotFoundError):
            known: dict[str, str] = json.loads((directory / "running").read_text())
            return known
    raise DemoError(f"No demo runs on the data in {directory}, or not yet: start it by make demo.")


@contextmanager
def running(
    directory: Path, fill: Callable[[Postgres, Replica], None], pause: Callable[[], None]
) -> Iterator[tuple[Postgres, Replica]]:
    """Run the kept servers, or new ones, and stop them in the end.

    `fill` brings the primary's tables and rows up to date, before a new replica copies it. `pause`
    is called between the steps, and may raise to give up.
    """
    _wait_for_leftovers(directory)
    complete = directory / "complete"
    folder = directory / (complete.read_text() if complete.exists() else _new_name())
    _remove_others(directory, folder)
    if not folder.exists():
        _make(folder)
    try:
        primary = Postgres.primary(folder / "primary")
        replica = primary.replica(folder / "replica")
        with primary:
            pause()
            fill(primary, replica)
            pause()
            with replica:
                pause()
                _write(complete, folder.name)
                yield primary, replica
    finally:
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)


def _serves(directory: Path) -> bool:
    """Whether the folder is there, ours, writable and within the reach of PostgreSQL's account."""
    try:
        account = unprivileged_account()
        if can_enter(account, directory.parent) and not directory.exists():
            _make(directory)
        is_ours = directory.stat().st_uid == os.getuid()
        return is_ours and can_enter(account, directory) and os.access(directory, os.W_OK)
    except OSError:
        return False


def _make(directory: Path) -> None:
    """When we are root, PostgreSQL's account has to pass through."""
    directory.mkdir()
    directory.chmod(0o711)


def _new_name() -> str:
    return f"servers-{secrets.token_hex(4)}"


def _wait_for_leftovers(directory: Path) -> None:
    """The servers of a demo that was killed are on their way out: their guards see to it."""
    until = time.monotonic() + _LEFTOVER_SECONDS
    for file in directory.glob("servers-*/*/data/postmaster.pid"):
        while family.alive(family.members_of(process := _process_in(file))):
            if time.monotonic() > until:
                raise DemoError(
                    f"{file} says that process {process} is a server of an earlier demo, and that "
                    "one runs: end the process, or if it is another one, remove the file."
                )
            time.sleep(0.1)


def _process_in(file: Path) -> int:
    """The id in the first line; 0, which no process has, while the file is made or removed."""
    try:
        return int(file.read_text().partition("\n")[0])
    except (OSError, ValueError):
        return 0


def _remove_others(directory: Path, kept: Path) -> None:
    """Again and again for a while: an initdb without its parent may still be filling one."""
    until = time.monotonic() + _LEFTOVER_SECONDS
    while others := [folder for folder in directory.glob("servers-*") if folder != kept]:
        for folder in others:
            shutil.rmtree(folder, ignore_errors=True)
        if time.monotonic() > until:
            return


def _write(file: Path, text: str) -> None:
    """Write all of it or nothing."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.write_text(text)
    unfinished.replace(file)
