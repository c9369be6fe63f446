"""django-taggit: tags by a generic relation."""

from ecosystem.project import migrate, start

PAIR = start(apps=("taggit", "ecosystem.tagged"))
migrate(PAIR)

from typing import Any  # noqa: E402

import pytest  # noqa: E402

from ecosystem.tagged.models import Tagged  # noqa: E402
from pinning import scope  # noqa: E402


@pytest.fixture
def tagged(pair: Any) -> Tagged:
    """A row with one tag, on both servers."""
    tagged = Tagged.objects.using("default").create()
    tagged.tags.add("old")
    pair.catch_up()
    return tagged


def test_tags_are_added_to_a_row_that_a_replica_gave(pair: Any, tagged: Tagged) -> None:
    with pair.paused(), scope():
        found = Tagged.objects.get(pk=tagged.pk)
        found.tags.add("new")
        assert set(found.tags.names()) == {"old", "new"}
        found.tags.remove("old")
        assert set(found.tags.names()) == {"new"}


def test_rows_are_found_by_their_tags(tagged: Tagged) -> None:
    with scope():
        assert Tagged.objects.filter(tags__name="old").count() >= 1
        assert list(Tagged.objects.prefetch_related("tags"))
