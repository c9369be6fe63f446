"""Django's admin, unchanged: it knows nothing of pinning, and asks to write where it never does."""

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client, LiveServerTestCase, TestCase, TransactionTestCase
from django.urls import reverse

from tests.notes.models import Note, Tag

ADD = reverse("admin:notes_tag_add")


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    return client


def is_pinned(response) -> bool:
    return any(name.startswith("pinning") for name in response.cookies)


@pytest.mark.django_db(transaction=True, databases="__all__")
class TestAdmin:
    def test_adding_pins(self, admin):
        response = admin.post(ADD, {"name": "red"})
        assert response.status_code == 302
        assert Tag.objects.get().name == "red"
        assert is_pinned(response)

    def test_an_invalid_form_pins_nobody(self, admin):
        response = admin.post(ADD, {"name": ""})
        assert response.context["errors"]
        assert not is_pinned(response)

    def test_the_page_that_asks_whether_to_delete_pins_nobody(self, admin):
        note = Note.objects.create(text="note")
        response = admin.get(reverse("admin:notes_note_delete", args=[note.pk]))
        assert b"Are you sure" in response.content
        assert not is_pinned(response)

    def test_deleting_with_inlines_pins(self, admin):
        note = Note.objects.create(text="note")
        note.attachment_set.create(name="file")
        response = admin.post(reverse("admin:notes_note_delete", args=[note.pk]), {"post": "yes"})
        assert not Note.objects.exists()
        assert is_pinned(response)

    def test_lists_are_read_from_the_replica(self, admin, django_assert_num_queries):
        Note.objects.create(text="note")
        with django_assert_num_queries(0, using="default"):
            assert admin.get(reverse("admin:notes_note_changelist")).status_code == 200


class Journey:
    """What a project's own test does: it sees what the request wrote, and the other way round."""

    def test_a_form_is_saved_and_seen(self):
        User.objects.create_superuser("admin", password="secret")
        assert self.client.login(username="admin", password="secret")
        Tag.objects.create(name="blue")
        response = self.client.post(ADD, {"name": "red"}, follow=True)
        assert response.status_code == 200
        assert {tag.name for tag in response.context["cl"].queryset} == {"blue", "red"}
        assert set(Tag.objects.values_list("name", flat=True)) == {"blue", "red"}
        duplicate = self.client.post(ADD, {"name": "red"})
        assert "already exists" in str(duplicate.context["errors"])


class InTestCase(Journey, TestCase):
    pass


class InTransactionTestCase(Journey, TransactionTestCase):
    pass


class InLiveServerTestCase(Journey, LiveServerTestCase):
    def test_its_threads_read_from_the_primary(self):
        """Django forbids them the replica in another way than it does the test itself."""
        Tag.objects.create(name="blue")
        User.objects.create_superuser("admin", password="secret")
        self.client.login(username="admin", password="secret")
        cookies = {"sessionid": self.client.cookies["sessionid"].value}
        response = httpx.get(f"{self.live_server_url}/admin/notes/tag/", cookies=cookies)
        assert response.status_code == 200
        assert "Tag object" in response.text


class WithReplicas(Journey, TransactionTestCase):
    databases = {"default", "replica1"}


class WithAllDatabases(Journey, TestCase):
    databases = "__all__"


@pytest.mark.django_db
def test_a_write_in_a_test_of_pytest_django_pins_nobody(admin):
    """The test's transaction never commits."""
    response = admin.post(ADD, {"name": "red"})
    assert Tag.objects.get().name == "red"
    assert not is_pinned(response)
