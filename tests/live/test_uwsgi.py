"""uWSGI, whose workers are forked without Python's hooks, after the parent has read from a replica.

The extra ``test`` has it, as the wheel ``pyuwsgi``. How it serves is in ``test_servers``.
"""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from pinning import Reason
from tests.live.site.clients import Site, last_read
from tests.live.site.pair import DATABASE, Pair

UWSGI = shutil.which("uwsgi", path=str(Path(sys.executable).parent))  # built for this Python

pytestmark = pytest.mark.skipif(UWSGI is None, reason="uWSGI is not installed.")


class WarmedSite(Site):
    """Without ``lazy-apps``: the parent imports the application, and forks one worker."""

    def _command(self) -> Sequence[str | Path]:
        address = f"{self.host}:{self.port}"
        served = ["--http-socket", address, "--module", "tests.live.site.warmed", "--need-app"]
        return [str(UWSGI), *served, "--master", "--enable-threads", "--die-on-term"]


def test_a_silent_replica_holds_up_no_worker_whose_parent_has_answered_a_request(pair: Pair):
    kept = {**pair.replica.settings(DATABASE), "CONN_MAX_AGE": None}  # no time to connect bounds it
    with WarmedSite("wsgi", pair.settings(replicas={"replica1": kept})) as site:
        client = site.client()
        client.headers["Connection"] = "close"  # as uWSGI does, without saying so
        assert last_read(client.get("/notes")) == ("replica1", Reason.REPLICA)
        pair.replica.freeze()
        try:
            assert client.notes() == []  # the wait is ended, and the primary answers
            assert last_read(client.get("/notes")) == ("default", Reason.NO_REPLICA)
        finally:
            pair.replica.thaw()
            site.close_clients()
