"""django-guardian: permissions for single rows."""

from ecosystem.project import migrate, start

PAIR = start(
    apps=("guardian",),
    AUTHENTICATION_BACKENDS=[
        "django.contrib.auth.backends.ModelBackend",
        "guardian.backends.ObjectPermissionBackend",
    ],
)
migrate(PAIR)

from typing import Any  # noqa: E402

import pytest  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from guardian.shortcuts import assign_perm, get_objects_for_user, remove_perm  # noqa: E402

from ecosystem.notes.models import Note  # noqa: E402
from pinning import scope  # noqa: E402


@pytest.fixture
def user(pair: Any) -> User:
    """On both servers."""
    user = User.objects.db_manager("default").create_user(f"user{User.objects.count()}")
    pair.catch_up()
    return user


def test_a_permission_is_seen_in_the_scope_that_gave_it(pair: Any, user: User, note: Note) -> None:
    with pair.paused(), scope():
        found, who = Note.objects.get(pk=note.pk), User.objects.get(pk=user.pk)
        assign_perm("notes.change_note", who, found)
        assert User.objects.get(pk=user.pk).has_perm("notes.change_note", found)
        assert list(get_objects_for_user(who, "notes.change_note")) == [found]
        remove_perm("notes.change_note", who, found)
        assert not User.objects.get(pk=user.pk).has_perm("notes.change_note", found)
