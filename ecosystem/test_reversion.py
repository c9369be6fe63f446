"""django-reversion: versions of rows, kept by the alias of the row."""

from ecosystem.project import migrate, start

PAIR = start(apps=("reversion",))
migrate(PAIR)

from typing import Any  # noqa: E402

import reversion  # noqa: E402
from reversion.models import Version  # noqa: E402

from ecosystem.notes.models import Note  # noqa: E402
from pinning import scope  # noqa: E402

reversion.register(Note)


def write(note: Note, text: str) -> None:
    """Save a new version."""
    with reversion.create_revision():
        note.text = text
        note.save()


def texts_of(note: Note) -> list[str]:
    """Of all versions, the newest first."""
    return [each.field_dict["text"] for each in Version.objects.get_for_object(note)]


def test_a_row_that_a_replica_gave_has_its_versions(pair: Any, note: Note) -> None:
    write(note, "old")
    pair.catch_up()
    with pair.paused(), scope():
        found = Note.objects.get(pk=note.pk)
        assert texts_of(found) == ["old"]
        write(found, "new")
        assert texts_of(found) == ["new", "old"]
        assert [each.object.text for each in Version.objects.get_for_model(Note)[:1]] == ["new"]


def test_a_version_that_a_replica_gave_is_taken_back(pair: Any, note: Note) -> None:
    write(note, "old")
    write(note, "new")
    pair.catch_up()
    with pair.paused(), scope():
        Version.objects.get_for_object(Note.objects.get(pk=note.pk))[1].revision.revert()
        assert Note.objects.get(pk=note.pk).text == "old"
        Note.objects.get(pk=note.pk).delete()
        (deleted,) = Version.objects.get_deleted(Note).filter(object_id=note.pk)
        deleted.revert()
        assert Note.objects.get(pk=note.pk).text == "new"
