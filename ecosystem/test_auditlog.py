"""django-auditlog: an entry for each save, and which fields it changed."""

from ecosystem.project import migrate, start

PAIR = start(apps=("auditlog",), after=("auditlog.middleware.AuditlogMiddleware",))
migrate(PAIR)

from contextlib import nullcontext  # noqa: E402
from typing import Any  # noqa: E402

import pytest  # noqa: E402
from auditlog.models import LogEntry  # noqa: E402
from auditlog.registry import auditlog  # noqa: E402

from ecosystem.journeys import Journeys  # noqa: E402
from ecosystem.notes.models import Note  # noqa: E402
from pinning import scope, use_primary  # noqa: E402

auditlog.register(Note)


class TestAuditlog(Journeys):
    """With its middleware."""


def test_a_save_of_a_row_that_a_replica_gave_has_its_entry(pair: Any, note: Note) -> None:
    with pair.paused(), scope():
        found = Note.objects.get(pk=note.pk)
        found.text = "new"
        found.save()
        newest, oldest = LogEntry.objects.get_for_object(found)
        assert newest.changes_dict == {"text": ["old", "new"]}
        assert oldest.action == LogEntry.Action.CREATE
        assert newest.content_type.get_object_for_this_type(pk=newest.object_id).text == "new"
        found.delete()
        entries = LogEntry.objects.filter(object_id=newest.object_id)
        assert entries.filter(action=LogEntry.Action.DELETE).exists()


@pytest.mark.parametrize(("reads", "old"), [(use_primary, "middle"), (nullcontext, "old")])
def test_outside_a_post_the_value_before_is_read_like_any_other(
    pair: Any, note: Note, reads: Any, old: str
) -> None:
    with pair.paused():
        with scope():
            Note.objects.update(text="middle")
        with scope(), reads():
            found = Note.objects.get(pk=note.pk)
            found.text = "new"
            found.save()
            assert LogEntry.objects.get_for_object(found)[0].changes_dict == {"text": [old, "new"]}
