"""A site whose clock is wrong, if this is among its apps."""

import time

from django.apps import AppConfig

SECONDS = 3600.0


class HourAhead(AppConfig):
    """The process's clock goes an hour ahead of all others."""

    name = "proof.skew"

    def ready(self) -> None:
        correct = time.time
        time.time = lambda: correct() + SECONDS
