"""What pinning tells others. Receivers run in the thread or task that sends."""

from django.dispatch import Signal

#: A scope has ended. Sent with ``scope``, whose ``reads`` holds the counts by cluster and reason.
scope_closed = Signal()

#: A replica could not be reached and is set aside. Sent with ``alias`` and ``error``.
replica_down = Signal()

#: A replica that was set aside answers again. Sent with ``alias``.
replica_up = Signal()
