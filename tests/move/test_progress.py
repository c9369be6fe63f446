"""The line that tells how far a move is."""

import io

from pinning.move.progress import Progress, line


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_line():
    assert line("copying shop.Order", 500, 2000, 500, 2.0) == (
        "copying shop.Order: 500 of 2,000 rows (25%), 250 a second, 6 s left"
    )
    assert line("x", 0, 0, 0, 0.0) == "x: 0 of 0 rows (100%), 0 a second"


def test_a_terminal_sees_the_end_of_each_thing():
    stream = Terminal()
    progress = Progress(stream)
    for done in (1, 2, 3):
        progress("copying", done, 3)
    assert stream.getvalue().count("3 of 3") == 1
    assert stream.getvalue().endswith("\n")


def test_a_log_sees_little():
    stream = io.StringIO()
    progress = Progress(stream)
    for done in range(100):
        progress("copying", done, 100)
    assert stream.getvalue() == ""
