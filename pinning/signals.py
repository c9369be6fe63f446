"""What pinning tells others. Receivers run in the thread or task that sends."""

from django.dispatch import Signal

#: A scope has ended. Sent with ``scope``, whose ``reads`` holds the counts by cluster and reason.
scope_closed = Signal()

#: A replica is out: it could not be reached, is silent, or lags. Sent with ``alias`` and ``error``.
replica_down = Signal()

#: A replica that was out is back. Sent with ``alias``.
replica_up = Signal()
