"""Free ports: nobody listens there, and nobody else is given them."""

import random
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pinning.testing.ports import free_port, port_is_free


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Three that are free, in the order in which they are tried."""
    start = random.randrange(20_000, 32_000)
    found = [port for port in range(start, start + 200) if port_is_free(port)][:3]
    monkeypatch.setattr("random.SystemRandom.sample", lambda *_: found)
    return found


def test_a_port_is_given_once(ports):
    assert free_port() != free_port()


def test_another_process_is_not_given_it(ports):
    port = free_port()
    program = (
        f"import random; random.SystemRandom.sample = lambda *_: {ports!r};"
        "from pinning.testing.ports import free_port; print(free_port())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) in set(ports) - {port}
    assert done.stderr == ""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_where_somebody_listens_it_is_not_free(listener):
    assert not port_is_free(listener.getsockname()[1])
