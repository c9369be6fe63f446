"""The runner that ``runtests.py`` is given: installs pinning, and opens a scope for each test.

``WAY`` says in which way a test reads: ``scope``, in a scope; ``use_replica``, in one where all
reads go to a replica, also after a write. That is no way to be right with a replica that lags. It
is the hardest trial for what Django is told of a replica.
"""

import json
import os
import unittest
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connections
from django.test import SimpleTestCase, TestCase
from django.test.runner import DiscoverRunner

from ecosystem.django_suites.settings import WAY
from pinning import scope, use_replica

#: The reads of all scopes, by reason.
READS: Counter[str] = Counter()


class Result(unittest.TextTestResult):
    """Keeps the outcome of each test by its id."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ran: list[str] = []

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        super().startTest(test)
        self.ran.append(test.id())

    def outcomes(self) -> dict[str, str]:
        """``{id: "passed" or the last line of what went wrong}``, skipped tests left out."""
        skipped = {test.id() for test, _ in self.skipped}
        outcomes = {each: "passed" for each in self.ran if each not in skipped}
        outcomes |= {_name(test): "passed, unexpectedly" for test in self.unexpectedSuccesses}
        for test, trace in (*self.failures, *self.errors):
            outcomes[_name(test)] = trace.strip().splitlines()[-1]
        return outcomes


class Runner(DiscoverRunner):
    """Runs the tests without the transaction of ``TestCase``: in one, every read stays."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "parallel": 1})
        TestCase._databases_support_transactions = classmethod(lambda cls: False)
        if WAY:
            _install()

    def get_resultclass(self) -> type[Result]:
        return Result

    def suite_result(self, suite: unittest.TestSuite, result: Any, **kwargs: Any) -> int:
        if place := os.environ.get("OUTCOMES"):
            Path(place).write_text(json.dumps({"outcomes": result.outcomes(), "reads": READS}))
        return super().suite_result(suite, result, **kwargs)


def _name(test: unittest.TestCase) -> str:
    """A subtest goes by its test."""
    return getattr(test, "test_case", test).id()


def _install() -> None:
    """What a site does: the app and the middleware. And what stands in for its requests: scopes."""
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "pinning"]
    settings.MIDDLEWARE = ["pinning.middleware.PinningMiddleware", *settings.MIDDLEWARE]
    apps.set_installed_apps(settings.INSTALLED_APPS)
    _allow_replicas()
    SimpleTestCase.run = _in_scope(SimpleTestCase.run)


def _allow_replicas() -> None:
    """A test that may use a primary may use its replicas."""
    validate = SimpleTestCase._validate_databases.__func__

    def with_replicas(cls: type[SimpleTestCase]) -> frozenset[str]:
        allowed = validate(cls)
        more = (replica for each in allowed for replica in settings.REPLICAS.get(each, ()))
        return frozenset((*allowed, *more))

    SimpleTestCase._validate_databases = classmethod(with_replicas)


def _in_scope(run: Any) -> Any:
    def run_in_scope(self: SimpleTestCase, *args: Any, **kwargs: Any) -> Any:
        _count_together()
        try:
            with scope() as work, use_replica() if WAY == "use_replica" else nullcontext():
                return run(self, *args, **kwargs)
        finally:
            for reads in work.reads.values():
                READS.update(reads)

    return run_in_scope


def _count_together() -> None:
    """``assertNumQueries`` counts the queries of a primary: let it count its replicas' as well."""
    for primary, replicas in settings.REPLICAS.items():
        log = connections[primary].queries_log
        log.clear()  # it keeps 9000, and no more are counted
        for alias in replicas:
            connections[alias].queries_log = log
            connections[alias].force_debug_cursor = True
