"""Places in PostgreSQL's log, where a record ends with a page."""

import pytest

from pinning.databases.postgresql import System, _position, end_of_record

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


def test_a_position_is_such_an_end():
    system = System(identifier=7, page=PAGE, segment=SEGMENT, is_aurora=False, has_receiver=False)
    assert _position(system, 5 * PAGE + 24, 2, 9.0).places == {"7.2": 5 * PAGE}
