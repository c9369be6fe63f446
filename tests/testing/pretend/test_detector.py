"""How the detector tells of a stale read."""

import contextlib

import pytest
from django.test import TestCase

from pinning import scope
from pinning.testing.pretend import StaleReadError, StaleReadWarning, detect_stale_reads
from tests.notes.models import Note


def stale_read():
    with scope():
        Note.objects.create(text="new")
    with scope():
        return Note.objects.count()


class TellingTests(TestCase):
    def test_an_error_where_the_code_reads(self):
        with pytest.raises(StaleReadError, match="one scope read notes.Note at tests.*INSERT"):
            with detect_stale_reads():
                stale_read()
                raise ZeroDivisionError

    def test_an_error_at_the_end_if_the_code_has_caught_it(self):
        with pytest.raises(StaleReadError, match="1 would have been stale"):
            with detect_stale_reads(), contextlib.suppress(StaleReadError):
                stale_read()

    def test_an_error_of_the_test_is_not_hidden(self):
        with pytest.raises(ZeroDivisionError), detect_stale_reads():
            with contextlib.suppress(StaleReadError):
                stale_read()
            raise ZeroDivisionError

    def test_a_warning_at_the_line_that_reads(self):
        with pytest.warns(StaleReadWarning) as warned, detect_stale_reads("warning"):
            assert stale_read() == 1
        assert warned[0].filename == "tests/testing/pretend/test_detector.py"

    def test_a_report_counts_what_comes_again(self):
        with detect_stale_reads("report") as found:
            for _ in range(2):
                stale_read()
        assert list(found.stale.values()) == [2]
        assert str(found).startswith("2 reads would have gone to replicas, 2 would have been stale")

    def test_a_report_counts_what_the_writer_reads_on_the_primary(self):
        with detect_stale_reads("report") as around:
            with detect_stale_reads("report") as found, scope():
                Note.objects.create(text="new")
                Note.objects.count()
        assert (found.reads, found.kept, around.kept) == (0, 1, 0)
        assert str(found).endswith("1 stayed on the primary, because their user had written.")

    def test_a_block_inside_takes_the_place_of_the_one_around(self):
        with detect_stale_reads() as around:
            with detect_stale_reads("report") as found:
                stale_read()
            assert found.stale
            assert not around.reads
            with pytest.raises(StaleReadError):
                stale_read()
            around.stale.clear()
