"""The app's migrations make what its models are, so a project finds none to make."""

import pytest
from django.core.management import call_command


@pytest.mark.django_db(databases="__all__")
@pytest.mark.parametrize("kind", ["AutoField", "BigAutoField"])
def test_nothing_is_left_to_migrate(settings, kind):
    settings.DEFAULT_AUTO_FIELD = f"django.db.models.{kind}"
    call_command("makemigrations", "pinning_verify", check=True, dry_run=True, verbosity=0)
