"""The snippets of a page, and what they need to run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.db import connections

from pinning.signals import replica_down, replica_up, scope_closed
from tests.docs.pages import PAGES, Run
from tests.notes.models import Note, Tag


class Names:
    """What a page defines, as attributes; those that are set are there for its functions too."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.__dict__ = names


def name_of_test(page: Path) -> str:
    """The name of the test that runs a page."""
    return f"test_{page.stem.lower().replace('-', '_')}"


@pytest.fixture(autouse=True)
def urls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the pages' databases are, in the environment."""
    for name, host in {"DATABASE_URL": "primary", "REPLICA_URL": "replica"}.items():
        url = f"postgres://web:secret@{host}.internal:6432/site?connect_timeout=2"
        monkeypatch.setenv(name, url)


@pytest.fixture
def page(request: pytest.FixtureRequest) -> Iterator[Names]:
    """The names of the page that the test is called after, which has to call all its functions.

    The receivers that the page connects are gone after the test.
    """
    (page,) = [page for page in PAGES if name_of_test(page) == request.node.originalname]
    signals = (scope_closed, replica_down, replica_up)
    receivers = [list(signal.receivers) for signal in signals]
    run = Run(page, {"__name__": __name__, "Note": Note, "Tag": Tag})
    yield Names(run.names)
    for signal, before in zip(signals, receivers, strict=True):
        signal.receivers = before
    assert run.uncalled == []


@pytest.fixture
def figures(db: None) -> Iterator[None]:
    """A table that raw SQL asks, and a function that writes."""
    connection = connections["default"]
    with connection.cursor() as cursor:
        connection.connection.create_function("archive_notes", 0, lambda: 1)
        cursor.execute("CREATE TABLE figures (day text, words integer)")
        cursor.execute("INSERT INTO figures VALUES ('monday', 2), ('monday', 3)")
        yield
        cursor.execute("DROP TABLE figures")


@pytest.fixture
def celery() -> Iterator[Celery]:
    """An app whose tasks run at once and keep their results."""
    app = Celery("tests.docs", set_as_current=True)
    app.conf.update(
        task_always_eager=True, task_store_eager_result=True, result_backend="cache+memory://"
    )
    yield app
    app.close()
