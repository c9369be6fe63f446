"""The suite: what the tests of a small site do."""

import pytest
from django.contrib.auth.models import User
from django.test import Client, TestCase

from benchmarks.notes.models import Attachment, Note

TIMES = 60
times = pytest.mark.parametrize("number", range(TIMES))


@times
@pytest.mark.django_db
def test_a_note_is_listed(client: Client, number: int) -> None:
    """Written by the form, and seen on the page."""
    client.force_login(User.objects.create_user("ann"))
    for _ in range(3):
        assert client.post("/", {"text": f"note {number}"}).status_code == 302
    assert client.get("/").content.count(b"<li>") == 3


@times
@pytest.mark.django_db
def test_a_page_of_many(client: Client, number: int) -> None:
    """Twenty of them, for somebody who is not known."""
    made = Note.objects.bulk_create([Note(text=f"{number} {each}") for each in range(30)])
    Attachment.objects.bulk_create([Attachment(note=note, name="a") for note in made])
    assert client.get("/").content.count(b"<li>") == 20


class NoteTests(TestCase):
    """Of Django's own class."""

    @classmethod
    def setUpTestData(cls) -> None:
        """A note and what is attached to it."""
        cls.note = Note.objects.create(text="first")
        cls.note.attachment_set.create(name="a")


def _add(number: int) -> None:
    def test(self: NoteTests) -> None:
        note = Note.objects.get(pk=self.note.pk)
        note.text = f"changed {number}"
        note.save()
        note.attachment_set.create(name="b")
        assert Attachment.objects.filter(note__text=note.text).count() == 2
        Note.objects.filter(text="first").delete()
        self.assertContains(self.client.get("/"), note.text)

    setattr(NoteTests, f"test_{number}", test)


for number in range(TIMES):
    _add(number)
