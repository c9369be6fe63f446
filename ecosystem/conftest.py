"""What all files share: the servers without lag, and a visitor."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

sys.path.insert(0, str(Path(__file__).parent.parent))


@pytest.fixture(scope="module")
def pair(request: pytest.FixtureRequest) -> Any:
    """The servers that the file has started."""
    return request.module.PAIR


@pytest.fixture(autouse=True)
def note(pair: Any) -> Iterator[Any]:
    """The only note, on both servers. Its text is "old"."""
    from ecosystem.notes.models import Note

    Note.objects.using("default").all().delete()
    note = Note.objects.using("default").create(text="old")
    pair.catch_up()
    yield note
    pair.catch_up()


@pytest.fixture
def client() -> Client:
    """A visitor who keeps cookies."""
    return Client()
