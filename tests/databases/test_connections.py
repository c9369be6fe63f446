"""What is asked about Django's connections, and done to them."""

import pytest
from django.db import connections as djangos

from pinning.databases import connections


def test_a_thread_that_ends_with_its_process_closes_nothing(monkeypatch: pytest.MonkeyPatch):
    """Its modules have lost their names by then."""
    opened = connections._Opened()
    monkeypatch.setattr(connections, "sys", None)
    opened.__del__()


def test_what_is_asked_apart_is_asked_outside_of_transactions(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(djangos["default"].settings_dict, "AUTOCOMMIT", False)
    assert connections.apart(djangos["default"]).settings_dict["AUTOCOMMIT"]
