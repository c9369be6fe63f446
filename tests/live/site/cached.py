"""Writers and visitors of a few rows that are read through a true cache, and through a bare one.

``python -m tests.live.site.cached FILE OPERATIONS SEED`` runs them in a process of its own, and
writes what they saw to the file.
"""

import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import django

#: What is written: the cache, the row, its number, and when. A deletion has ended then.
Event = tuple[str, int, int, float]

CACHES = ("true", "bare")
ROWS = 6
_TIMEOUT = 600


class Crowd:
    """Each tenth writes one row and deletes it from both caches; the others read one from a cache.

    After a write, somebody else and the writer read it from both. Its number grows with each write.
    """

    def __init__(self, seed: int) -> None:
        from tests.notes.models import Note

        self._chance = random.Random(seed)
        self._rows = list(Note.objects.order_by("pk").values_list("pk", flat=True))
        #: Values that a cache gave; its deletions; and who did not see their own write.
        self.hits: list[Event] = []
        self.deletions: list[Event] = []
        self.lost: list[Event] = []

    def visit(self) -> None:
        row = self._chance.choice(self._rows)
        if self._chance.random() < 0.1:
            self._write(row)
        else:
            self._read(self._chance.choice(CACHES), row)

    def _write(self, row: int) -> None:
        from pinning import carried, scope

        with scope():
            number = self._chance.choice([self._alone, self._in_block, self._in_vain])(row)
            pins = carried()
        ended = time.time()
        if number is None:
            return
        self.deletions += [(cache, row, number, ended) for cache in CACHES]
        for cache in CACHES:
            self._read(cache, row)  # somebody else, who comes at once
            if self._read(cache, row, pins) < number:
                self.lost.append((cache, row, number, ended))

    def _alone(self, row: int) -> int:
        number = _increase(row)
        self._delete(row)
        return number

    def _in_block(self, row: int) -> int:
        """As a receiver of ``post_save`` does: before the commit."""
        from django.db import transaction

        with transaction.atomic():
            number = _increase(row)
            self._delete(row)
            time.sleep(self._chance.choice([0, 0, 0.002]))
        return number

    def _in_vain(self, row: int) -> None:
        from django.db import transaction

        with transaction.atomic():
            number = _increase(row)
            self._delete(row)
            if self._chance.random() < 0.5:
                for cache in CACHES:
                    _cache(cache).set(f"row:{row}", number, _TIMEOUT)
            transaction.set_rollback(True)

    def _delete(self, row: int) -> None:
        for cache in CACHES:
            _cache(cache).delete(f"row:{row}")

    def _read(self, name: str, row: int, pins: str = "") -> int:
        """The number of the row, from the cache or else from the database that the router says."""
        from pinning import scope
        from tests.notes.models import Note

        began = time.time()
        with scope(carried=pins):
            cached: int | None = _cache(name).get(f"row:{row}")
            if cached is not None:
                self.hits.append((name, row, cached, began))
                return cached
            number = int(Note.objects.values_list("text", flat=True).get(pk=row))
            _cache(name).set(f"row:{row}", number, _TIMEOUT)
            return number


def _cache(name: str) -> Any:
    from django.core.cache import caches

    return caches[name]


def _increase(row: int) -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        sql = "UPDATE notes_note SET text = (text::bigint + 1)::text WHERE id = %s RETURNING text"
        cursor.execute(sql, [row])
        return int(cursor.fetchone()[0])


def main(path: str, operations: str, seed: str) -> None:
    django.setup()
    crowd = Crowd(int(seed))
    for _ in range(int(operations)):
        crowd.visit()
    told = {"hits": crowd.hits, "deletions": crowd.deletions, "lost": crowd.lost}
    Path(path).write_text(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
