"""The health of replicas: which are out or late, the monitor that finds out, and their waits."""

from pinning.health.connections import give_up_if_lost, is_usable
from pinning.health.monitor import is_under_test, reset
from pinning.health.progress import QUESTION_SECONDS
from pinning.health.status import Replica, note_exhausted, replica
from pinning.health.waits import Wait
