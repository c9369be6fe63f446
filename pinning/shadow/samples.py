"""Compares some reads: would a replica have given other rows than the primary?

A thread runs the statement on both, one right after the other. It takes one after the other, and
few may wait for it. A replica is late by its lag, and whoever has no pins may be shown that.
"""

import contextlib
import logging
import queue
import random
import threading
from typing import Any

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import Error, close_old_connections, connections
from django.db.models.sql.query import Query

from pinning import conf
from pinning.conf import ClusterAlias
from pinning.databases import statement_of
from pinning.health import is_under_test
from pinning.shadow.counts import Counts

logger = logging.getLogger("pinning")

#: So many reads may wait to be compared.
_MOST = 8

#: So many rows of each are compared.
_MOST_ROWS = 1000


class Samples:
    """The reads that wait to be compared. The thread starts with the first of them."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._waiting: queue.Queue[tuple[Query, ClusterAlias]] = queue.Queue(_MOST)
        self._thread: threading.Thread | None = None

    def offer(self, query: Query, alias: ClusterAlias) -> None:
        """Compare it later, if it is one of SHADOW_SAMPLE, and not too many wait. Not in tests."""
        share = conf.settings().shadow_sample
        if not share or random.random() >= share or is_under_test():  # noqa: S311
            return
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="pinning-sample", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:
                return
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait((query.clone(), alias))

    def _run(self) -> None:
        while True:
            compare(self._counts, *self._waiting.get())


def compare(counts: Counts, query: Query, alias: ClusterAlias) -> None:
    """Run ``query`` on the primary ``alias`` and on the replica it stands for, and count.

    What may write, lock or leave a mark is not run, and what gives other rows each time on the
    primary too is not counted.
    """
    close_old_connections()
    part = query.clone()
    part.set_limits(high=_MOST_ROWS)  # drivers load all rows, and the view may have taken few
    try:
        sql, params = part.get_compiler(str(alias)).as_sql()
        statement = statement_of(sql, connections[str(alias)].vendor)
        if not statement.is_query or statement.locks:
            return
        theirs, ours = _rows(alias.stands_for, sql, params), _rows(str(alias), sql, params)
        is_stale = theirs != ours
        if is_stale and ours != _rows(str(alias), sql, params):
            return
    except (EmptyResultSet, FullResultSet, Error):
        return
    except Exception as error:  # a project's own expression may raise anything
        logger.debug("A read was not compared: %s", error)
        return
    finally:
        close_old_connections()
    model = query.model._meta.label if query.model is not None else "raw SQL"
    counts.add([(("compared", model), 1), (("stale", model), int(is_stale))])


def _rows(alias: str, sql: str, params: Any) -> list[str]:
    """The rows, in an order that does not depend on the server."""
    with connections[alias].cursor() as cursor:
        cursor.execute(sql, params)
        return sorted(map(repr, cursor.fetchall()))
