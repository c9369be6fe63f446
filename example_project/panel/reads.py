"""What the panel lists: where each query of a visitor ran, why, and how long it took.

Which database is seen where the query runs; why is what the router said just before.
"""

import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.apps import apps
from django.db import connections
from django.http import HttpRequest, HttpResponse

from example_project.panel.modes import Mode, mode
from example_project.panel.runs import Run, Runs, runs_of
from pinning import Read, Reason, Write, conf, current_scope, traced
from pinning.databases.statements import statement_of

COOKIE = "board_visitor"


class ReadLog:
    """An execute wrapper that notes what it sees, beside the router's answers."""

    def __init__(self, answers: list[Read | Write], runs: Runs) -> None:
        """Take the list that the router's answers will be appended to."""
        self.queries: list[Run] = []
        self._runs = runs
        self._answers = answers
        self._explained = 0
        self._waited = 0.0
        self._is_paused = False

    @contextmanager
    def paused(self) -> Iterator[None]:
        """For what this page asks to explain itself, which no site would."""
        self._is_paused = True
        try:
            yield
        finally:
            self._is_paused = False

    def __call__(
        self,
        execute: Callable[..., Any],
        sql: str,
        params: Any,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        begun = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            if not self._is_paused:
                self._note(sql, context["connection"].alias, time.perf_counter() - begun)

    def _note(self, sql: str, alias: str, seconds: float) -> None:
        model = _model_of(sql)
        if not model:
            return  # SAVEPOINT and the like
        reason, explanation = self._why(sql, model, alias)
        run = Run(
            verb=sql.split(maxsplit=1)[0].upper(),
            model=model,
            alias=alias,
            reason=reason,
            explanation=explanation,
            milliseconds=seconds * 1000,
            at=time.monotonic(),
            waited=self._newly_waited(),
        )
        self.queries.append(run)
        self._runs.add(run)

    def _newly_waited(self) -> float:
        before, self._waited = self._waited, waited()
        return 0.0 if self._waited == before else self._waited

    def _why(self, sql: str, model: str, alias: str) -> tuple[str, str]:
        """The router may be asked more than once for a query; its last answer is the one used."""
        new = self._answers[self._explained :]
        self._explained = len(self._answers)
        if statement_of(sql).writes:
            return "write", "the primary takes every write"
        for answer in reversed(new):
            if isinstance(answer, Read) and (answer.model, answer.alias) == (model, alias):
                return str(answer.reason), _explain(answer)
        return "using", "no router was asked: Django looks where it is about to write"


class ReadLogMiddleware:
    """Gives each request a `visitor` and a `read_log`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        known = request.COOKIES.get(COOKIE, "")
        request.visitor = known if re.fullmatch(r"[0-9a-f]{32}", known) else secrets.token_hex(16)
        with ExitStack() as stack:
            trace = stack.enter_context(traced())
            request.read_log = ReadLog(trace, runs_of(request.visitor))
            for connection in connections.all():
                stack.enter_context(connection.execute_wrapper(request.read_log))
            response = self.get_response(request)
        if request.visitor != known:
            response.set_cookie(COOKIE, request.visitor, httponly=True, samesite="Lax")
        return response


def waited() -> float:
    """For how many seconds the reads of the running request have waited for a replica."""
    scope = current_scope()
    return 0.0 if scope is None else sum(scope.waited.values())


def _explain(read: Read) -> str:
    """The reason in words, with the name of the replica, and of what its clock decides."""
    if read.reason == Reason.CAUGHT_UP:
        return f"{read.alias} has what the user wrote"
    if read.reason == Reason.PINNED and mode() is Mode.CLOCK:
        return f"the user has written in the last {conf.settings().window:g} s"
    return read.reason.explanation


def _model_of(sql: str) -> str:
    """The model whose table is named first."""
    models = {model._meta.db_table: model._meta.label for model in apps.get_models()}
    names = re.findall(r'"(\w+)"', sql)
    return next((models[name] for name in names if name in models), "")
