"""Django system checks for wrong settings, with ids and hints. ``docs/checks.md`` lists them."""

from django.core.checks import Tags, register

from pinning.checks.databases import check_databases
from pinning.checks.deployment import check_deployment
from pinning.checks.settings import check_settings


def register_all() -> None:
    """Tell Django about the checks."""
    register(check_settings)
    register(check_deployment, Tags.security, deploy=True)
    register(check_databases, Tags.database)
