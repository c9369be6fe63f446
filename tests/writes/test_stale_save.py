"""The warning that a row from a replica is saved whole."""

import warnings

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db.models.signals import pre_save
from django.test import override_settings

from pinning import scope, use_primary
from pinning.exceptions import StaleSaveWarning
from pinning.writes import stale_save
from tests.notes.models import Audit, Note
from tests.shop.models import GiftOrder

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


@pytest.fixture(autouse=True)
def debugging():
    """As in a process that was started with DEBUG."""
    with override_settings(DEBUG=True):
        apps.get_app_config("pinning").ready()
        yield
    pre_save.disconnect(dispatch_uid="pinning.writes")


@pytest.fixture
def note():
    """Read from a replica, as a GET does."""
    Note.objects.create(text="old")
    with scope():
        return Note.objects.get()


def test_a_row_from_a_replica_that_is_saved_whole_is_warned_of(note):
    with pytest.warns(StaleSaveWarning, match="notes.Note .*'replica1'.*update_fields") as told:
        note.save()
    assert told[0].filename == __file__


def test_a_deferred_row_is_saved_by_the_fields_that_were_loaded():
    Note.objects.create(text="old")
    with scope():
        note = Note.objects.only("text").get()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        note.save()


def test_a_row_of_a_child_table_is_warned_of_once(settings):
    settings.PINNING = {"REPLICAS": {"orders": ["orders1"]}, "MODELS": {"shop": "orders"}}
    GiftOrder.objects.create(text="old", card="old")
    with scope():
        order = GiftOrder.objects.get()
    with pytest.warns(StaleSaveWarning) as told:
        order.save()
    assert len(told) == 1


def test_each_line_is_told_once(note):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        for _ in range(2):
            with scope():
                note = Note.objects.get()
            note.save()
        with scope():
            note = Note.objects.get()
        note.save()
    assert len(told) == 2


def save_fields(note):
    note.save(update_fields=["text"])


def save_after_refresh(note):
    note.refresh_from_db(using="default")
    note.save()


def save_copy(note):
    note.pk = None
    note.save()


def save_copy_under_another_key(note):
    note.pk, note._state.adding = 7, True
    note.save()


def save_from_primary(note):
    with scope(), use_primary():
        Note.objects.get(pk=note.pk).save()


@pytest.mark.parametrize(
    "save",
    [
        save_fields,
        save_after_refresh,
        save_copy,
        save_copy_under_another_key,
        save_from_primary,
        lambda note: Note.objects.filter(pk=note.pk).update(text="new"),
        lambda _: Note.objects.create(text="new"),
        lambda _: User.objects.create_user("new"),
        lambda _: Note(text="new").save(using="elsewhere"),
    ],
)
def test_other_saves_are_not(note, save):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save(note)


def test_what_lies_outside_every_cluster_is_not():
    audit = Audit.objects.using("elsewhere").create(text="old")
    audit.save()


def test_nobody_listens_without_debug():
    pre_save.disconnect(dispatch_uid="pinning.writes")
    with override_settings(DEBUG=False):
        apps.get_app_config("pinning").ready()
    assert all(receiver[1]() is not stale_save.look for receiver in pre_save.receivers)
