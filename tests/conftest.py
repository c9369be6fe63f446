"""Fixtures for all tests."""

from collections.abc import Iterator

import pytest

from pinning import health


@pytest.fixture(autouse=True)
def everything_healthy() -> Iterator[None]:
    """No test sees what another one set aside."""
    yield
    health.replicas.reset()
    health.stores.reset()
