"""The log at the foot of the page: each query of the request, which database ran it, and why.

Which database is seen where the query runs; why is what the router said just before.
"""

import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, NamedTuple

from django.apps import apps
from django.db import connections
from django.http import HttpRequest, HttpResponse

from pinning import current_scope
from pinning.scope import Read
from pinning.statements import is_write


class Query(NamedTuple):
    """A query: what it asks for, the alias that ran it, and why, as a code and in words."""

    verb: str
    model: str
    alias: str
    reason: str
    explanation: str


class QueryLog:
    """An execute wrapper that writes down what it sees, beside the router's answers."""

    def __init__(self, answers: list[Read]) -> None:
        """Take the list that the router's answers will be appended to."""
        self.queries: list[Query] = []
        self._answers = answers
        self._explained = 0

    def __call__(
        self,
        execute: Callable[..., Any],
        sql: str,
        params: Any,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        model = _model_of(sql)
        alias = context["connection"].alias
        reason, explanation = self._why(sql, model, alias)
        self.queries.append(Query(_verb_of(sql), model, alias, reason, explanation))
        return execute(sql, params, many, context)

    def _why(self, sql: str, model: str, alias: str) -> tuple[str, str]:
        """The router may be asked more than once for a query; its last answer is the one used."""
        new = self._answers[self._explained :]
        self._explained = len(self._answers)
        if is_write(sql):
            return "write", "the primary takes every write"
        for answer in reversed(new):
            if (answer.model, answer.alias) == (model, alias):
                return str(answer.reason), answer.reason.explanation
        return "using", "no router was asked: the code names this database"


class QueryLogMiddleware:
    """Gives each request a `query_log`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        scope = current_scope()
        assert scope is not None  # PinningMiddleware stands before this one
        scope.trace = []
        request.query_log = QueryLog(scope.trace)
        with ExitStack() as stack:
            for connection in connections.all():
                stack.enter_context(connection.execute_wrapper(request.query_log))
            return self.get_response(request)


def _verb_of(sql: str) -> str:
    return sql.split(maxsplit=1)[0].upper()


def _model_of(sql: str) -> str:
    """The model whose table is named first."""
    models = {model._meta.db_table: model._meta.label for model in apps.get_models()}
    names = re.findall(r'"(\w+)"', sql)
    return next((models[name] for name in names if name in models), "")
