"""What is run on the primary because the replica cannot run it."""

import pytest
from django.db import connections

from pinning import scope
from tests.notes.models import Tag

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def test_a_statement_that_was_moved_to_the_primary_is_watched_there(monkeypatch):
    """Raw SQL may write. It was sent to a replica, whose session knows another tenant."""
    monkeypatch.setattr(connections["default"], "schema_name", "one", raising=False)
    with scope() as work:
        (tag,) = Tag.objects.raw("INSERT INTO notes_tag (name) VALUES ('red') RETURNING *")
        assert tag.name == "red"
        assert work.has_written("default")
