"""The app: watches the primaries' connections from the start of the process."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from pinning import checks, reached, reruns, waits, writes


class PinningConfig(AppConfig):
    """``pinning`` in INSTALLED_APPS. It has no models."""

    name = "pinning"
    verbose_name = "Pinning"

    def ready(self) -> None:
        """Connect the receivers and register the checks."""
        connection_created.connect(writes.watch, dispatch_uid="pinning.writes")
        connection_created.connect(reached.forget, dispatch_uid="pinning.reached")
        connection_created.connect(reruns.watch, dispatch_uid="pinning.reruns")
        connection_created.connect(waits.note_opened, dispatch_uid="pinning.waits")
        checks.register_all()
        writes.watch_open_connections()
