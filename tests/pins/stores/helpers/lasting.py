"""A Redis server that remembers, until it is told to forget."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from pinning.testing.redis import Redis


class LastingRedis(Redis):
    """Keeps all in a log on disk: whatever it has answered survives a restart."""

    def restart(self) -> None:
        """Kill it, and start it with its memory."""
        self.kill()
        self.start()

    def restart_empty(self) -> None:
        """Kill it, and start it without."""
        self.kill()
        shutil.rmtree(self.directory / "appendonlydir")
        self.start()

    def _command(self) -> Sequence[str | Path]:
        # Written before it answers; only a crash of the machine could lose what is not yet synced.
        return [*super()._command(), "--appendonly", "yes", "--appendfsync", "no"]
