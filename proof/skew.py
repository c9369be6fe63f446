"""A site whose clock is wrong, if this is among its apps."""

import time

from django.apps import AppConfig

#: Less than the day by which web machines' clocks may differ: what a client holds has an age.
SECONDS = 3600.0


class ClockAhead(AppConfig):
    """The process's clock goes ahead of all others."""

    name = "proof.skew"

    def ready(self) -> None:
        correct = time.time
        time.time = lambda: correct() + SECONDS
