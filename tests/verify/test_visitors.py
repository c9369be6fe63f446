"""Visitors go on until they are sent home."""

import threading
import time
from collections.abc import Iterator

import pytest

from pinning.verify.visitors import Visitors


def counting(seen: list[int], enough: threading.Event, pause: float = 0.0) -> Iterator[float]:
    for turn in range(1000000):
        seen.append(turn)
        if turn == 2:
            enough.set()
        yield pause


def failing() -> Iterator[float]:
    yield 0.0
    raise ValueError("a visit")


def test_everybody_goes_on_at_once_until_the_end_of_the_block():
    seen: list[list[int]] = [[], []]
    enough = [threading.Event(), threading.Event()]
    with Visitors(map(counting, seen, enough)):
        assert all(each.wait(5) for each in enough)
    lengths = [len(each) for each in seen]
    time.sleep(0.05)
    assert [len(each) for each in seen] == lengths


def test_a_pause_is_cut_short_at_the_end():
    begun = time.monotonic()
    with Visitors([counting([], threading.Event(), pause=60)]):
        pass
    assert time.monotonic() - begun < 10


def test_who_has_no_more_pauses_goes_home():
    with Visitors([iter([0.0])]) as visitors:
        pass
    assert visitors.errors == []


def test_an_error_is_raised_at_the_end_and_stops_nobody_else():
    seen: list[int] = []
    enough = threading.Event()
    with pytest.raises(ValueError, match="a visit"), Visitors([failing(), counting(seen, enough)]):
        assert enough.wait(5)


def test_an_error_of_the_block_itself_goes_first():
    with pytest.raises(KeyError), Visitors([failing()]) as visitors:
        while not visitors.errors:
            time.sleep(0.01)
        raise KeyError
