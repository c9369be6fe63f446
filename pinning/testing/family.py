"""A process and its descendants, signalled together.

A process group is not enough: every PostgreSQL backend makes a session, so a group, of its own.
guard.py runs this file as a script, outside the package: it imports nothing of ours.
"""

import contextlib
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

try:
    import psutil
except ImportError as error:
    reason = "pinning.testing needs psutil: pip install django-pinning[testing]"
    raise ImportError(reason) from error

_STOPPED = {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP}
# A zombie is dead: it only waits for its parent to ask, and some containers never ask. That is why
# psutil.wait_procs() will not do; it also takes the exit status that the parent asks for.
_DEAD = {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}

_POLL_SECONDS = 0.02
_GUARD_POLL_SECONDS = 0.2
_SIGNAL_PATIENCE_SECONDS = 5.0


def end(root: int, with_signal: int, *, patience_seconds: float) -> None:
    """Send `with_signal` to `root`, frozen or not; after the patience, SIGKILL the family."""
    members = members_of(root)
    _send(members, signal.SIGCONT)
    _send(_alone(root), with_signal)
    if not _poll(lambda: not alive(members), patience_seconds):
        _kill(members | members_of(root))


def kill(root: int) -> None:
    """SIGKILL the whole family, and return when all of it is gone."""
    # A stopped root starts no child between the listing and the killing.
    _stop(_alone(root))
    _kill(members_of(root))


def freeze(root: int) -> None:
    """SIGSTOP the whole family, and return when all of it has stopped."""
    _stop(_alone(root))
    _stop(members_of(root))


def thaw(root: int) -> None:
    """SIGCONT the whole family."""
    _send(members_of(root), signal.SIGCONT)


def members_of(root: int) -> set[psutil.Process]:
    """`root` and all its descendants; empty when there is no such process, and for 0."""
    members = _alone(root)
    with contextlib.suppress(psutil.NoSuchProcess):
        return members.union(*(member.children(recursive=True) for member in members))
    return members


def alive(members: set[psutil.Process]) -> bool:
    """True when one of the processes still lives. A stranger with its id does not count."""
    return any(_status(member) not in _DEAD for member in members)


def listens(process: int, port: int) -> bool:
    """True when the process itself listens on the TCP port; false when it is gone."""
    with contextlib.suppress(psutil.NoSuchProcess):
        found = psutil.Process(process).net_connections("tcp")
        ports = [each.laddr.port for each in found if each.status == psutil.CONN_LISTEN]
        return port in ports
    return False


def stand_guard(parent: int, with_signal: int, remove: str) -> None:
    """Read process ids from stdin until `parent` is gone; then end the last one of them.

    An id of 0 stands for none. The directory `remove`, if not empty, is deleted at the end.
    """
    watched: set[psutil.Process] = set()
    while True:
        # What was told is read first: a parent may be gone before we have begun.
        if select.select([sys.stdin], [], [], _GUARD_POLL_SECONDS)[0]:
            told = os.read(sys.stdin.fileno(), 1000).split()
            if not told:
                break
            watched = _alone(int(told[-1]))
        elif os.getppid() != parent:
            break
    for root in watched:
        # Not a stranger that got the id of a server that has ended.
        if root.is_running():
            end(root.pid, with_signal, patience_seconds=_SIGNAL_PATIENCE_SECONDS)
    if remove:
        _poll(lambda: _is_removed(Path(remove)), _SIGNAL_PATIENCE_SECONDS)


def _is_removed(directory: Path) -> bool:
    """Remove the directory; false when a program, interrupted with us, still wrote to it."""
    shutil.rmtree(directory, ignore_errors=True)
    return not directory.exists()


def _alone(root: int) -> set[psutil.Process]:
    """`root` without its descendants; empty when there is no such process, and for 0.

    Some systems have a process 0, whose family is the whole system.
    """
    with contextlib.suppress(psutil.NoSuchProcess):
        return {psutil.Process(root)} if root else set()
    return set()


def _stop(members: set[psutil.Process]) -> None:
    _send(members, signal.SIGSTOP)
    still = _STOPPED | _DEAD
    _poll(lambda: all(_status(member) in still for member in members), _SIGNAL_PATIENCE_SECONDS)


def _kill(members: set[psutil.Process]) -> None:
    _send(members, signal.SIGKILL)
    _poll(lambda: not alive(members), _SIGNAL_PATIENCE_SECONDS)


def _send(members: set[psutil.Process], signal_number: int) -> None:
    for member in members:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.send_signal(signal_number)


def _status(process: psutil.Process) -> str:
    """The state, as psutil names it; dead when the process is gone."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() if process.is_running() else psutil.STATUS_DEAD
    return psutil.STATUS_DEAD


def _poll(question: Callable[[], bool], patience_seconds: float) -> bool:
    until = time.monotonic() + patience_seconds
    while not question():
        if time.monotonic() > until:
            return False
        time.sleep(_POLL_SECONDS)
    return True


if __name__ == "__main__":
    stand_guard(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
