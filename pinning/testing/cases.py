"""Looks for stale reads in Django's own test classes: one class by a mixin, or all of them."""

import contextlib
import unittest
from collections.abc import Callable, Iterator
from typing import Any

from django.test import TransactionTestCase

from pinning.testing import tally
from pinning.testing.pretend import detect_stale_reads
from pinning.testing.pretend.detector import How

Run = Callable[[unittest.TestResult | None], unittest.TestResult | None]


class DetectStaleReads(unittest.TestCase):
    """Looks for stale reads in each test of the class: ``class Tests(DetectStaleReads, TestCase)``.

    ``stale_reads`` is "error", "warning" or "report", as for ``detect_stale_reads``; or None for a
    class in which nobody looks.
    """

    stale_reads: How | None = "error"

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        """Run the test, and look. Its database is set up by now, and ``setUp`` follows."""
        return _run(super().run, self, self.stale_reads, result)


def detect_in_all(how: How) -> None:
    """Look in all tests of Django's classes from now on.

    A class says by an attribute ``stale_reads`` that it wants it in another way, or not at all.
    """

    def run(self: Any, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        plain = super(TransactionTestCase, self).run
        return _run(plain, self, getattr(self, "stale_reads", how), result)

    TransactionTestCase.run = run  # type: ignore[method-assign]


def detect_in_none() -> None:
    """End what ``detect_in_all`` began."""
    del TransactionTestCase.run


@contextlib.contextmanager
def noted(how: How) -> Iterator[None]:
    """``detect_stale_reads`` for one test, whose findings count in the tally of the run."""
    with contextlib.ExitStack() as stack:
        detection = detect_stale_reads(how)
        found = stack.enter_context(detection)
        stack.callback(tally.note, found)
        yield


def _run(
    plain: Run, test: unittest.TestCase, how: How | None, result: unittest.TestResult | None
) -> unittest.TestResult | None:
    if how is None:
        return plain(result)
    with contextlib.ExitStack() as stack:
        stack.enter_context(noted(how))
        test.addCleanup(stack.close)  # the last of all: what it raises is an error of the test
        return plain(result)
