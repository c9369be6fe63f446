"""One line that tells how far a move is, at a terminal; elsewhere a line now and then."""

import time
from typing import TextIO

_TERMINAL_SECONDS = 0.2
_LOG_SECONDS = 10.0


class Progress:
    """Call it with what is done, how many rows are done, and how many there are."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._is_terminal = stream, stream.isatty()
        self._what, self._began, self._shown_at, self._at_first = "", 0.0, 0.0, 0

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show it if enough time has passed, or a new thing begins or ends."""
        now = time.monotonic()
        if what != self._what:
            self._what, self._began, self._shown_at, self._at_first = what, now, now, done
        pause = _TERMINAL_SECONDS if self._is_terminal else _LOG_SECONDS
        if now - self._shown_at >= pause or (done >= total and self._is_terminal):
            self._shown_at = now
            self._show(line(what, done, total, done - self._at_first, now - self._began))
            if done >= total and self._is_terminal:
                self._stream.write("\n")

    def _show(self, text: str) -> None:
        self._stream.write(f"\r{text:<79}" if self._is_terminal else f"{text}\n")
        self._stream.flush()


def line(what: str, done: int, total: int, lately: int, seconds: float) -> str:
    """What is told: ``lately`` rows took ``seconds``."""
    rate = lately / seconds if seconds > 0 else 0.0
    left = f", {max(0, total - done) / rate:,.0f} s left" if rate else ""
    share = f"{min(done / total, 1):.0%}" if total else "100%"
    return f"{what}: {done:,} of {total:,} rows ({share}), {rate:,.0f} a second{left}"
