"""Places in PostgreSQL's log, where a record ends with a page."""

import pytest

from pinning.databases.log import Log, end_of_record

PAGE, SEGMENT = 8192, 16 * 2**20


@pytest.mark.parametrize(
    ("lsn", "end"),
    [
        (5 * PAGE + 24, 5 * PAGE),  # behind a page's header, where nothing was written yet
        (5 * PAGE + 25, 5 * PAGE + 25),
        (5 * PAGE + 40, 5 * PAGE + 40),
        (5 * PAGE, 5 * PAGE),
        (3 * SEGMENT + 40, 3 * SEGMENT),  # a segment's is longer
        (3 * SEGMENT + 24, 3 * SEGMENT + 24),
    ],
)
def test_the_end_of_the_last_record_is_before_a_header(lsn: int, end: int):
    assert end_of_record(lsn, page=PAGE, segment=SEGMENT) == end


def test_what_comes_with_a_commit_is_text():
    log = Log.of_text(["40984", "40960", "t", "77", "2", "9.5"])
    assert log == (40984, 40960, True, 77, 2, 9.5)
    assert not Log.of_text(["40984", "40960", "f", "77", "2", "9.5"]).is_synchronous
