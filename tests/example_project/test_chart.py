"""The chart of the lag."""

import pytest

from example_project.panel.chart import HEIGHT, WIDTH, draw
from example_project.panel.meter import Sample


def test_now_is_at_the_right_and_no_lag_at_the_foot():
    chart = draw([Sample(40.0, 0.0), Sample(100.0, 4.0)], now=100.0, set_lag=0.0)
    assert chart.lines == (f"0.0,{HEIGHT}.0 {WIDTH}.0,0.0",)
    assert chart.top == 4.0


def test_while_the_replica_is_silent_the_line_is_broken():
    samples = [Sample(98.0, 1.0), Sample(99.0, None), Sample(100.0, 1.0)]
    assert len(draw(samples, now=100.0, set_lag=0.0).lines) == 2


def test_what_is_older_than_a_minute_is_left_out():
    assert draw([Sample(1.0, 1.0)], now=100.0, set_lag=0.0).lines == ()


def test_the_lag_that_is_set_is_in_the_picture():
    chart = draw([], now=100.0, set_lag=30.0)
    assert chart.top == 37.5
    assert chart.set_at == pytest.approx(HEIGHT * 0.2)
