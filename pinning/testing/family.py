"""A process and its descendants, signalled together.

A process group is not enough: every PostgreSQL backend makes a session, so a group, of its own.
Run as a script this is the process that guard.py starts. It is outside the package then: only the
standard library is imported.
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_POLL_SECONDS = 0.02
_GUARD_POLL_SECONDS = 0.2
_SIGNAL_PATIENCE_SECONDS = 5.0


def end(root: int, with_signal: int, *, patience_seconds: float) -> None:
    """Send `with_signal` to `root`, frozen or not; after the patience, SIGKILL the family."""
    members = members_of(root)
    thaw(root)
    _send(root, with_signal)
    if not _poll(lambda: not alive(members), patience_seconds):
        _kill(members | members_of(root))


def kill(root: int) -> None:
    """SIGKILL the whole family, and return when all of it is gone."""
    # A stopped root starts no child between the listing and the killing.
    _stop({root})
    _kill(members_of(root))


def freeze(root: int) -> None:
    """SIGSTOP the whole family, and return when all of it has stopped."""
    _stop({root})
    _stop(members_of(root))


def thaw(root: int) -> None:
    """SIGCONT the whole family."""
    for member in members_of(root):
        _send(member, signal.SIGCONT)


def members_of(root: int) -> set[int]:
    """`root` and all its descendants; empty when there is no such process."""
    table = _table()
    members: set[int] = set()
    found = {root} & table.keys()
    while found:
        members |= found
        found = {child for child, (parent, _) in table.items() if parent in found} - members
    return members


def alive(members: set[int]) -> bool:
    """True when one of the processes still lives.

    A zombie is dead: it only waits for its parent to ask, and some containers never ask.
    """
    return _in_states(members, without="Z")


def stand_guard(parent: int, with_signal: int, remove: str) -> None:
    """Read process ids from stdin until `parent` is gone; then end the last one of them.

    An id of 0 stands for none. The directory `remove`, if not empty, is deleted at the end.
    """
    root = 0
    while os.getppid() == parent:
        if not select.select([sys.stdin], [], [], _GUARD_POLL_SECONDS)[0]:
            continue
        told = os.read(sys.stdin.fileno(), 1000).split()
        if not told:
            break
        root = int(told[-1])
    if root and _is_session_leader(root):
        end(root, with_signal, patience_seconds=_SIGNAL_PATIENCE_SECONDS)
    if remove:
        _poll(lambda: _is_removed(Path(remove)), _SIGNAL_PATIENCE_SECONDS)


def _is_session_leader(process: int) -> bool:
    """True for a server; hardly for a stranger that got the id of a server that has ended."""
    try:
        return os.getsid(process) == process
    except ProcessLookupError:
        return False


def _is_removed(directory: Path) -> bool:
    """Remove the directory; false when a program, interrupted with us, still wrote to it."""
    shutil.rmtree(directory, ignore_errors=True)
    return not directory.exists()


def _stop(members: set[int]) -> None:
    for member in members:
        _send(member, signal.SIGSTOP)
    _poll(lambda: not _in_states(members, without="TtZ"), _SIGNAL_PATIENCE_SECONDS)


def _kill(members: set[int]) -> None:
    for member in members:
        _send(member, signal.SIGKILL)
    _poll(lambda: not alive(members), _SIGNAL_PATIENCE_SECONDS)


def _send(member: int, signal_number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(member, signal_number)


def _in_states(members: set[int], *, without: str) -> bool:
    """True when a member is there in any other state than these."""
    table = _table()
    return any(member in table and table[member][1] not in without for member in members)


def _table() -> dict[int, tuple[int, str]]:
    """All processes: id to the parent's id and a letter of state (T or t stopped, Z zombie)."""
    if Path("/proc/self/stat").exists():
        return dict(_read_proc())
    # One -o for each: outside of Linux, all that follows an equals sign is the column's title.
    command = ["ps", "-A", "-o", "pid=", "-o", "ppid=", "-o", "state="]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = (line.split() for line in lines)
    return {int(row[0]): (int(row[1]), row[2][0]) for row in rows}


def _read_proc() -> Iterator[tuple[int, tuple[int, str]]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # The name, in brackets, may hold blanks and brackets: see proc(5).
            line = (folder / "stat").read_text(errors="replace")
            state, parent = line.rpartition(")")[2].split()[:2]
            yield int(folder.name), (int(parent), state)


def _poll(question: Callable[[], bool], patience_seconds: float) -> bool:
    until = time.monotonic() + patience_seconds
    while not question():
        if time.monotonic() > until:
            return False
        time.sleep(_POLL_SECONDS)
    return True


if __name__ == "__main__":
    stand_guard(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
