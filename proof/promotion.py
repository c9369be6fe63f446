"""The primary dies with writes that it had acknowledged and not yet sent; a replica is promoted.

Those writes are lost, and no router can bring them back: the new primary itself does not have them.
What is checked is everything else. No read may be older than what the new primary has.
"""

import time

from pinning.testing.mariadb import MariaDBReplica
from pinning.testing.postgres import Postgres, Replica
from pinning.testing.processes import wait_until
from pinning.verify.crowd import Crowd, Plan
from pinning.verify.history import Operation
from pinning.verify.users import Tabs, TokenClient, TwoDevices
from proof.stage import Stage, addresses

#: A login that is lost with the primary is a session that nobody has: no browser that signs in.
KINDS = (TwoDevices, TokenClient, Tabs)

#: Nobody can tell how much of a cache was lost.
UNTOLD = ("cache incr", "cache get")


def promotion(stage: Stage, plan: Plan, seconds: float) -> list[Operation]:
    """Let a crowd on before, while writes are lost, and after; what it did."""
    new, follower = stage.replica, stage.second
    sites = stage.sites()
    with Crowd(addresses(sites), plan) as crowd:
        work(crowd, seconds / 4)
        for replica in (new, follower):
            cut(replica)
        work(crowd, seconds / 4)
        for site in sites:
            site.stop()
        stage.pair.primary.kill()
        new.promote()
        follower.follow(new)
        crowd.note_loss(values(stage, crowd))
        for site in sites:
            site.given = stage.given(new, follower)
            site.start()
        work(crowd, seconds / 2)
    return crowd.history


def work(crowd: Crowd, seconds: float) -> None:
    """Let the crowd on for so long. Nobody visits a site that has no primary."""
    with crowd.at_work():
        time.sleep(seconds)


def cut(replica: Replica | MariaDBReplica) -> None:
    """Let the replica receive nothing any more."""
    if isinstance(replica, MariaDBReplica):
        replica.stop_receiving()
        return
    replica.follow(Postgres())  # which does not run
    wait_until(
        lambda: not replica.execute("SELECT 1 FROM pg_stat_wal_receiver"),
        timeout_seconds=10,
        otherwise=lambda: "The replica still receives.",
    )


def values(stage: Stage, crowd: Crowd) -> dict[int, int]:
    """What is left on the new primary, by the session's number."""
    question = "SELECT session, value FROM pinning_verify_counter WHERE run = %s"
    rows = stage.replica.execute(question, [crowd.run_name], stage.pair.database)
    return {int(session): int(value) for session, value in rows}
