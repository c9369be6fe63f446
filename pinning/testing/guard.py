"""The guard of a server: it ends the server, and cleans up, when we are gone without doing so.

It is a small Python process, family.py run as a script. It sees the end of the pipe to us, or that
its parent is another one, be it by SIGKILL, a crash, or an exit that skipped the clean-up.

Why not the other ways: `PR_SET_PDEATHSIG` is Linux only, needs a `preexec_fn` or a launcher, fires
when the *thread* that started the server ends (prctl(2)), and ends no frozen backends. `atexit`
does not run on SIGKILL. The end of a pipe alone is not seen while a forked child holds the pipe.
"""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import psutil

from pinning.testing import family

# Started without site-packages, which may be a parent's alone; but psutil is found where ours is.
_PROGRAM = """
import runpy, sys
psutil_folder, program, *sys.argv[1:] = sys.argv[1:]
sys.path.append(psutil_folder)
runpy.run_path(program, run_name="__main__")
"""


class Guard:
    """Watches over one process at a time, and over a directory, from now until dismissed."""

    def __init__(self, with_signal: int, *, remove: Path | None) -> None:
        """`with_signal` ends a watched process; the directory `remove` is deleted after it."""
        arguments = [str(os.getpid()), str(int(with_signal)), str(remove or "")]
        folder = str(Path(psutil.__file__).parents[1])
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROGRAM, folder, family.__file__, *arguments],
            cwd="/",
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def watch(self, process: int | None) -> None:
        """Watch over this process, a child of ours, instead of the last one."""
        # A guard that somebody killed is missed only when it is needed.
        with contextlib.suppress(BrokenPipeError):
            assert self._process.stdin is not None
            self._process.stdin.write(f"{process or 0}\n".encode())

    def dismiss(self) -> None:
        """End the guard. Nothing watched is touched."""
        self._process.kill()
        # Waits, and closes the pipe.
        self._process.communicate()
