"""The Django app: watches connections from the start of the process, and registers the checks."""

from typing import Any

from django.apps import AppConfig
from django.core.signals import setting_changed
from django.db.backends.signals import connection_created

from pinning import checks, databases, reads, writes


class PinningConfig(AppConfig):
    """``pinning`` in INSTALLED_APPS. It has no models."""

    name = "pinning"
    verbose_name = "Pinning"

    def __init__(self, app_name: str, app_module: Any) -> None:
        """Connect to new connections before other apps do: these may tell them something."""
        super().__init__(app_name, app_module)
        connection_created.connect(databases.forget, dispatch_uid="pinning.databases")
        connection_created.connect(writes.watch, dispatch_uid="pinning.writes")
        connection_created.connect(reads.watch, dispatch_uid="pinning.reads")

    def ready(self) -> None:
        """Connect the other receivers and register the checks."""
        databases.known_places()
        checks.register_all()
        for install in (reads.install, reads.refuse_joins, reads.follow_generic):
            install()
            setting_changed.connect(install, dispatch_uid=f"pinning.reads.{install.__name__}")
        writes.watch_open_connections()
        writes.look_while_debugging()
        setting_changed.connect(writes.watch_open_connections, dispatch_uid="pinning.writes")
