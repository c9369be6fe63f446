"""The app of the page: counts the reasons of reads from the start of the process."""

from django.apps import AppConfig

from pinning.contrib.admin import recent
from pinning.signals import scope_closed


class AdminConfig(AppConfig):
    """``pinning.contrib.admin`` in INSTALLED_APPS."""

    name = "pinning.contrib.admin"
    label = "pinning_admin"
    verbose_name = "Pinning"

    def ready(self) -> None:
        """Begin to count."""
        scope_closed.connect(recent.count, dispatch_uid="pinning.contrib.admin")
