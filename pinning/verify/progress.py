"""A bar for who waits at a terminal; nothing for who does not."""

from typing import Protocol

_WIDTH = 40


class Terminal(Protocol):
    """What a bar needs of a stream."""

    def isatty(self) -> bool:
        """Whether a person looks."""

    def write(self, text: str) -> object:
        """Show."""

    def flush(self) -> object:
        """Show it now."""


class Progress:
    """Call it with the share that is done, from 0 to 1. It is gone at 1."""

    def __init__(self, stream: Terminal) -> None:
        """Draw on ``stream`` if it is a terminal."""
        self._stream = stream if stream.isatty() else None

    def __call__(self, share: float) -> None:
        """Draw the bar anew."""
        if self._stream is None:
            return
        share = min(share, 1.0)
        bar = "#" * round(share * _WIDTH)
        text = f"[{bar:{_WIDTH}}] {share:4.0%}" if share < 1 else " " * (_WIDTH + 7)
        self._stream.write(f"\r{text}\r")
        self._stream.flush()
