"""The chart of the writes that the replica lacked."""

from example_project.panel.chart import HEIGHT, WIDTH, Sample, draw


def test_now_is_at_the_right_and_nothing_lacked_at_the_foot():
    chart = draw([Sample(98.0, 0), Sample(100.0, 4)], now=100.0)
    assert chart.lines == (f"290.0,{HEIGHT}.0 {WIDTH}.0,{HEIGHT}.0 {WIDTH}.0,0.0",)
    assert chart.most == 4


def test_one_write_is_no_mountain():
    (line,) = draw([Sample(100.0, 1)], now=100.0).lines
    assert line == f"{WIDTH}.0,{HEIGHT * 2 / 3:.1f}"


def test_while_the_replica_is_silent_the_line_is_broken():
    samples = [Sample(98.0, 1), Sample(99.0, None), Sample(100.0, 1)]
    assert len(draw(samples, now=100.0).lines) == 2


def test_while_nobody_looks_the_line_is_broken():
    assert len(draw([Sample(90.0, 1), Sample(100.0, 1)], now=100.0).lines) == 2


def test_what_is_older_than_a_minute_is_left_out():
    assert draw([Sample(1.0, 1)], now=100.0).lines == ()
