"""Several are asked at once, and nobody waits for long."""

import threading
import time

import pytest

from pinning.diagnosis import answers as module
from pinning.diagnosis.answers import answers


def test_all_are_asked_at_once():
    both = threading.Barrier(2, timeout=5)
    assert sorted(answers({"a": both.wait, "b": both.wait}).values()) == [0, 1]


def test_one_that_does_not_answer_is_left_out(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    never = threading.Event()
    began_at = time.monotonic()
    assert answers({"a": lambda: never.wait(30), "b": lambda: "here"}) == {"b": "here"}
    assert time.monotonic() - began_at < 10
    never.set()


def test_an_error_is_raised_here():
    with pytest.raises(ZeroDivisionError):
        answers({"a": lambda: 1 / 0, "b": lambda: 1})


def test_nobody_is_asked():
    assert answers({}) == {}
