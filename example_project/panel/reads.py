"""What the panel lists: where each query of a visitor ran, why, and how long it took.

Which database is seen where the query runs; why is what the router said just before.
"""

import re
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from django.apps import apps
from django.db import connections
from django.http import HttpRequest, HttpResponse

from pinning import Read, Write, traced
from pinning.databases.statements import statement_of

COOKIE = "board_visitor"
_MOST_VISITORS = 100
_MOST_RUNS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Queries of one kind that went one after the other to one database for one reason.

    ``milliseconds`` is what the last of them took, ``at`` when it was, by the monotonic clock.
    """

    verb: str
    model: str
    alias: str
    reason: str
    explanation: str
    milliseconds: float
    at: float
    times: int = 1

    def is_continued_by(self, other: "Run") -> bool:
        """Whether the other is one more of the same."""
        return (self.alias, self.reason) == (other.alias, other.reason)

    @property
    def database(self) -> str:
        """Where, in words."""
        return "the primary" if self.alias == "default" else self.alias

    @property
    def kind(self) -> tuple[str, str]:
        """What is followed from run to run."""
        return self.verb, self.model


class Runs:
    """The last runs of one visitor, the latest first. A browser sends several requests at once."""

    def __init__(self) -> None:
        self._runs: deque[Run] = deque(maxlen=_MOST_RUNS)
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Run]:
        with self._lock:
            return iter(tuple(self._runs))

    def add(self, run: Run) -> None:
        """Note a query: one more of its kind's latest run, or the first of another."""
        with self._lock:
            latest = next((known for known in self._runs if known.kind == run.kind), None)
            if latest is not None and latest.is_continued_by(run):
                self._runs.remove(latest)
                run = replace(run, times=latest.times + 1)
            self._runs.appendleft(run)


_visitors: OrderedDict[str, Runs] = OrderedDict()
_visitors_lock = threading.Lock()


def visitor_of(request: HttpRequest) -> str:
    """Whoever sent the request: a name that nobody else has."""
    return request.visitor  # type: ignore[attr-defined,no-any-return]


def runs_of(visitor: str) -> Runs:
    """The last runs of a visitor. Those who have not come for long are forgotten."""
    with _visitors_lock:
        runs = _visitors.setdefault(visitor, Runs())
        _visitors.move_to_end(visitor)
        while len(_visitors) > _MOST_VISITORS:
            _visitors.popitem(last=False)
    return runs


class ReadLog:
    """An execute wrapper that notes what it sees, beside the router's answers."""

    def __init__(self, answers: list[Read | Write], runs: Runs) -> None:
        """Take the list that the router's answers will be appended to."""
        self.queries: list[Run] = []
        self._runs = runs
        self._answers = answers
        self._explained = 0
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
        )
        self.queries.append(run)
        self._runs.add(run)

    def _why(self, sql: str, model: str, alias: str) -> tuple[str, str]:
        """The router may be asked more than once for a query; its last answer is the one used."""
        new = self._answers[self._explained :]
        self._explained = len(self._answers)
        if statement_of(sql).writes:
            return "write", "the primary takes every write"
        for answer in reversed(new):
            if isinstance(answer, Read) and (answer.model, answer.alias) == (model, alias):
                return str(answer.reason), answer.reason.explanation
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


def _model_of(sql: str) -> str:
    """The model whose table is named first."""
    models = {model._meta.db_table: model._meta.label for model in apps.get_models()}
    names = re.findall(r'"(\w+)"', sql)
    return next((models[name] for name in names if name in models), "")
