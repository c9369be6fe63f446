"""``manage.py test --pinning-detect``: looks for stale reads in a whole suite."""

import os
from argparse import ArgumentParser
from typing import Any, cast

from django.test.runner import DiscoverRunner, ParallelTestSuite

from pinning.testing import tally
from pinning.testing.cases import detect_in_all, detect_in_none
from pinning.testing.options import add_options
from pinning.testing.pretend.detector import How

#: How the processes of a parallel run look.
_VARIABLE = "PINNING_DETECT"


def _init_worker(*args: Any, **kwargs: Any) -> None:
    """Look in a process that was not forked, too: it knows only what is in its environment."""
    ParallelTestSuite.init_worker(*args, **kwargs)
    detect_in_all(cast(How, os.environ[_VARIABLE]))


class _ParallelTestSuite(ParallelTestSuite):
    init_worker = _init_worker


class DetectingRunner(DiscoverRunner):
    """Django's runner with the option ``--pinning-detect``. Without it nothing is different.

    ``TEST_RUNNER = "pinning.testing.runner.DetectingRunner"``. With a runner of your own:
    ``class Mine(DetectingRunner, MyRunner)``.
    """

    def __init__(self, *args: Any, pinning_detect: How | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pinning_detect = pinning_detect
        if pinning_detect is not None:
            os.environ[_VARIABLE] = pinning_detect
            self.parallel_test_suite = _ParallelTestSuite

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add the options."""
        super().add_arguments(parser)
        add_options(parser.add_argument)

    def run_suite(self, suite: Any, **kwargs: Any) -> Any:
        """Run the tests; then print what was found."""
        if self.pinning_detect is None:
            return super().run_suite(suite, **kwargs)
        tally.begin()
        detect_in_all(self.pinning_detect)
        try:
            result = super().run_suite(suite, **kwargs)
        finally:
            detect_in_none()
        self.log(str(tally.end()))
        return result
