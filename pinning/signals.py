"""The Django signals that pinning sends. Receivers run in the thread or task that sends them."""

from django.dispatch import Signal

#: A scope has ended. Sent with ``scope``, whose ``reads`` holds the counts by cluster and reason.
scope_closed = Signal()

#: A replica is left alone: it is unreachable, silent or late. Sent with ``alias`` and ``error``.
replica_down = Signal()

#: A replica gets reads again. Sent with ``alias``.
replica_up = Signal()
