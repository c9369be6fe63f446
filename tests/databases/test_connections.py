"""What is asked about Django's connections, and done to them."""

import pytest

from pinning.databases import connections


def test_a_thread_that_ends_with_its_process_closes_nothing(monkeypatch: pytest.MonkeyPatch):
    """Its modules have lost their names by then."""
    opened = connections._Opened()
    monkeypatch.setattr(connections, "sys", None)
    opened.__del__()
