"""Which replicas are out or late, the thread that finds out, and what waits for them."""

from pinning.health.connections import give_up_if_lost, is_usable
from pinning.health.monitor import reset
from pinning.health.status import Replica, note_exhausted, replica
