"""What a row costs that a replica gives: loads of thousand, in processes with pinning and without.

Pinning replaces methods of Django for a whole process. So each process has it or not, and they take
turns. Without it a router sends all reads to the replica.
"""

import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROWS, LOADS = 1_000, 60
PROCESSES, QUICK_PROCESSES = 12, 5
WAYS = ("always-replica", "pinning")


class Router:
    """Sends all reads to the replica."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        """The replica's alias."""
        return "replica1"


def measure(directory: Path, *, quick: bool) -> None:
    """Run the processes, and save what a load took in the fastest process of each way.

    A process may take twice as long as the next one like it, by what else the machine does.
    """
    from benchmarks.page import results

    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for turn in range(QUICK_PROCESSES if quick else PROCESSES):
        for way in WAYS if turn % 2 else reversed(WAYS):
            found[way].append(_load_in_process(way))
    times = {way: min(values) for way, values in found.items()}
    first = times[WAYS[0]]
    rows = [
        {"way": way, "us": round(us), "ratio": round(us / first, 3)} for way, us in times.items()
    ]
    print(f"{ROWS:,} rows", *(f"  {row['way']}: {row['ratio']} x" for row in rows), sep="\n")
    results.save(directory, "rows", {"rows": rows})


def _load_in_process(way: str) -> float:
    command = [sys.executable, "-m", __name__, way]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": ""}
    return float(subprocess.check_output(command, env=environment, text=True))


def main(way: str, directory: str) -> float:
    """Microseconds of the processor for a load: the median of some."""
    _set_up(way, directory)
    from django.core.management import call_command

    from benchmarks.notes.models import Note

    call_command("migrate", run_syncdb=True, verbosity=0)
    Note.objects.bulk_create(Note(text="text") for _ in range(ROWS))
    if way == "always-replica":
        return _median(Note)
    from pinning import scope

    with scope() as work:
        median = _median(Note)
        assert work.reads["default"].keys() == {"replica"}, work.reads
    return median


def _median(model: Any) -> float:
    gc.collect()
    gc.freeze()  # a process with more modules has more to look through at each collection
    times = []
    for _ in range(LOADS):
        begun = time.process_time()
        assert len(model.objects.all()) == ROWS
        times.append((time.process_time() - begun) * 1e6)
    return statistics.median(times)


def _set_up(way: str, directory: str) -> None:
    import django
    from django.conf import settings

    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{directory}/database"}
    is_pinning = way == "pinning"
    settings.configure(
        SECRET_KEY="benchmarks",
        INSTALLED_APPS=[*(["pinning"] if is_pinning else []), "benchmarks.notes"],
        DATABASES={"default": database, "replica1": dict(database)},
        DATABASE_ROUTERS=["pinning.router.PinningRouter" if is_pinning else Router()],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        PINNING={"REPLICAS": {"default": ["replica1"]}, "WINDOW": 5},
    )
    django.setup()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(main(sys.argv[1], place))
