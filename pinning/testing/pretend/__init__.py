"""A pretended replica, and a detector of stale reads, for ordinary tests.

``with pretended_replica() as replica:`` routes the reads of a ``TestCase``, or of ``django_db``, as
production would. It needs no server, no commit and no replication::

    with pretended_replica() as replica:
        replica.pause()  # from now on it gets nothing new
        self.client.post("/notes/", {"text": "new"})
        self.client.get("/notes/")  # by its writer: on the primary
        replica.catch_up()
        self.client.get("/notes/")  # on the replica

``with detect_stale_reads():`` has a replica that gets nothing at all. A read that is sent there, of
a table in which the same person has written, raises ``StaleReadError``, with both lines.

Enter them in the thread of the test, after the database is set up: in a test, in ``setUp``, or in a
fixture that asks for ``db``.
"""

from pinning.testing.pretend.detector import StaleReads, detect_stale_reads
from pinning.testing.pretend.people import Who
from pinning.testing.pretend.replica import PretendedReplica, pretended_replica
from pinning.testing.pretend.stale import StaleRead, StaleReadError, StaleReadWarning
from pinning.testing.pretend.writes import Change

__all__ = [
    "Change",
    "PretendedReplica",
    "StaleRead",
    "StaleReadError",
    "StaleReadWarning",
    "StaleReads",
    "Who",
    "detect_stale_reads",
    "pretended_replica",
]
