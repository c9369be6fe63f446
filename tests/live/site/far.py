"""A server that is far away: a proxy on loopback that delays, and counts round trips."""

import contextlib
import queue
import socket
import threading
import time
from typing import Any


class Far:
    """Passes each connection on to ``port``, with a delay each way. Use it as a ``with`` block."""

    def __init__(self, port: int, one_way_seconds: float = 0.0) -> None:
        """Listen on a free port, see ``self.port``."""
        self.one_way_seconds = one_way_seconds
        #: How often a client began to send after the server had answered.
        self.round_trips = 0
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = []

    def __enter__(self) -> "Far":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._ends.append(near)
                far = socket.create_connection(("127.0.0.1", self._target))
                self._ends.append(far)
                for end in (near, far):  # else a second small packet waits for 40 ms
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                turn = {"is_servers": True}
                self._pass_on(near, far, turn, from_client=True)
                self._pass_on(far, near, turn, from_client=False)

    def _pass_on(
        self,
        source: socket.socket,
        target: socket.socket,
        turn: dict[str, bool],
        *,
        from_client: bool,
    ) -> None:
        """Two threads: one that takes what comes, one that delivers it when its time has come."""
        parts: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()

        def take() -> None:
            part = b"some"
            while part:
                try:
                    part = source.recv(65536)
                except OSError:
                    part = b""
                if from_client and part and turn["is_servers"]:
                    self.round_trips += 1
                turn["is_servers"] = not from_client
                parts.put((time.monotonic() + self.one_way_seconds, part))

        def deliver() -> None:
            while True:
                due, part = parts.get()
                time.sleep(max(0.0, due - time.monotonic()))
                with contextlib.suppress(OSError):
                    if not part:
                        target.shutdown(socket.SHUT_WR)
                        return
                    target.sendall(part)

        for work in (take, deliver):
            threading.Thread(target=work, daemon=True).start()


def through(far: Far, settings: dict[str, Any]) -> dict[str, Any]:
    """An entry of DATABASES that goes through ``far``."""
    return {**settings, "HOST": "127.0.0.1", "PORT": str(far.port)}
