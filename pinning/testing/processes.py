"""A server in a child process: started, awaited, stopped, killed, frozen and thawed.

Children are in sessions of their own, so the terminal's Ctrl-C does not reach them. They do not
outlive us either: guard.py says how.
"""

import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self, TypedDict

from pinning.testing import family
from pinning.testing.accounts import (
    Account,
    can_enter,
    make_temporary_directory,
    own,
    unprivileged_account,
)
from pinning.testing.guard import Guard
from pinning.testing.ports import free_port, port_is_free

_STOP_SECONDS = 8.0
_PORT_SECONDS = 5.0
_PROGRAM_SECONDS = 120.0
_LOG_TAIL_CHARACTERS = 2000


class MissingService(Exception):  # noqa: N818 - a state of the machine, not a mistake
    """The server's programs are not on this machine. The message is the reason, one sentence."""


class ServerError(Exception):
    """A server did not do what was asked. The message ends with the tail of its log, if any."""


class Server(ABC):
    """A server on the loopback interface; `with` starts it, and cleans up after it.

    Nothing runs before `start()`, but the port is already chosen, and stays the same.
    With a `directory` the data are kept there and found again; without one, they live in a
    temporary directory that `close()` removes.
    """

    host: ClassVar[str] = "127.0.0.1"
    title: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    abort_signal: ClassVar[signal.Signals] = signal.SIGTERM  # when nobody needs the data

    def __init__(self, directory: Path | str | None = None) -> None:
        self.port = free_port()
        self.account: Account | None = unprivileged_account()
        self._kept = directory is not None
        self._directory = Path(directory).resolve() if directory is not None else None
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def directory(self) -> Path:
        """Where the data, the log and the sockets are."""
        if self._directory is None:
            raise ServerError(f"{self.title} has no directory before its first start.")
        return self._directory

    @property
    def running(self) -> bool:
        """True while the process is there, frozen or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The id of the server's main process."""
        if self._process is None:
            raise ServerError(f"{self.title} on port {self.port} is not running.")
        return self._process.pid

    def start(self, *, timeout_seconds: float = 30.0) -> None:
        """Start, on the same port and data as before, and return when the server answers.

        Outside of a `with` block, `close()` belongs to it, whether it fails or not.
        """
        if self.running:
            return
        self._forget()
        self._prepare_directory()
        self._prepare()
        self._spawn()
        try:
            wait_until(
                self._answers_or_ended,
                timeout_seconds=timeout_seconds,
                otherwise=lambda: self._complaint(f"did not answer in {timeout_seconds:g} s"),
            )
        except BaseException:
            self._end(self.abort_signal)
            raise

    def stop(self) -> None:
        """Stop in order, by force after 8 seconds. The data stay."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """SIGKILL the server and its children, and return when the port is free again."""
        if self._process is not None and self.running:
            family.kill(self._process.pid)
        self._forget()
        wait_until(
            lambda: port_is_free(self.port),
            timeout_seconds=_PORT_SECONDS,
            otherwise=lambda: f"{self.title} was killed, but port {self.port} is still in use.",
        )

    def freeze(self) -> None:
        """SIGSTOP the server and its children: connections are accepted, nothing answers."""
        family.freeze(self.pid)

    def thaw(self) -> None:
        """SIGCONT the server and its children."""
        family.thaw(self.pid)

    def close(self) -> None:
        """Stop, and remove the temporary directory."""
        self._end(self.stop_signal if self._kept else self.abort_signal)
        if self._directory is not None and not self._kept:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None
        if self._guard is not None:
            self._guard.dismiss()
            self._guard = None

    @abstractmethod
    def _command(self) -> Sequence[str | Path]:
        """The command that runs the server in the foreground."""

    @abstractmethod
    def _answers(self) -> bool:
        """True when the server answers a first question."""

    def _prepare(self) -> None:  # noqa: B027 - most servers have nothing to prepare
        """Make the data ready, as the account, before a start."""

    def _run(self, command: Sequence[str | Path]) -> None:
        """Run a program to its end, as the account; ServerError with its output when it fails."""
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PROGRAM_SECONDS,
            check=False,
            start_new_session=True,
            **_identity(self.account),
        )
        if done.returncode:
            output = done.stdout.decode(errors="replace")[-_LOG_TAIL_CHARACTERS:]
            raise ServerError(f"{command[0]} failed with status {done.returncode}:\n{output}")

    def _spawn(self) -> None:
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                cwd=self.directory,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **_identity(self.account),
            )
        if self._guard is not None:
            self._guard.watch(self._process.pid)

    def _end(self, with_signal: signal.Signals) -> None:
        if self._process is not None and self.running:
            family.end(self._process.pid, with_signal, patience_seconds=_STOP_SECONDS)
        self._forget()

    def _forget(self) -> None:
        # The guard is told at once: from now on the id may become a stranger's.
        if self._process is not None:
            self._process.wait()
            self._process = None
            if self._guard is not None:
                self._guard.watch(None)

    def _prepare_directory(self) -> None:
        if self._directory is None:
            self._directory = make_temporary_directory(self.account, prefix="pinning-")
        elif not self._directory.exists():
            self._directory.mkdir(parents=True, mode=0o700)
        if self._guard is None:
            remove = None if self._kept else self._directory
            self._guard = Guard(self.abort_signal, remove=remove)
        own(self.account, self._directory)
        if self.account is not None and not can_enter(self.account, self._directory):
            raise ServerError(
                f"{self._directory} cannot be reached by the user {self.account.name}, who runs "
                f"{self.title} because root must not: choose a directory below an open one."
            )

    def _environment(self) -> dict[str, str]:
        """Little of ours: PGDATA and its like, or files in our home, must not change the server.

        What it writes for a moment goes to its own directory too.
        """
        kept = {name: os.environ[name] for name in ("PATH", "TZ") if name in os.environ}
        own_folder = str(self.directory)
        return {**kept, "HOME": own_folder, "TMPDIR": own_folder, "LC_ALL": "C"}

    def _answers_or_ended(self) -> bool:
        if not self.running:
            raise ServerError(self._complaint("ended at once"))
        return self._answers()

    def _complaint(self, what: str) -> str:
        log = (self.directory / "log").read_text(errors="replace")[-_LOG_TAIL_CHARACTERS:]
        return f"{self.title} on {self.host}:{self.port} {what}. The end of its log:\n{log}"


def find_program(*names: str, chosen_by: str = "") -> Path:
    """The first of the programs that is on the PATH, or root's; MissingService when none is.

    If the environment variable ``chosen_by`` is set, it is looked for in its folders alone.
    """
    chosen = os.environ.get(chosen_by)
    places = [chosen] if chosen else [None, "/usr/local/sbin:/usr/sbin"]
    for name in names:
        for place in places:
            if found := shutil.which(name, path=place):
                return Path(found).absolute()
    where = f"in {chosen_by}={chosen}" if chosen else "on the PATH"
    raise MissingService(f"{' or '.join(names)} is not {where}.")


def wait_until(
    question: Callable[[], bool], *, timeout_seconds: float, otherwise: Callable[[], str]
) -> None:
    """Ask until the answer is yes; after the timeout, ServerError with the text of `otherwise`."""
    until = time.monotonic() + timeout_seconds
    while not question():
        if time.monotonic() > until:
            raise ServerError(otherwise())
        time.sleep(0.02)


class _Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def _identity(account: Account | None) -> _Identity:
    if account is None:
        return {}
    return {"user": account.user_id, "group": account.group_id, "extra_groups": []}
