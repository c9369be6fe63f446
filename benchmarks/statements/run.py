"""Times the nastiest texts of each size, and takes their memory.

A text is looked at as if it had never been seen. Time is that of the processor. The slowest texts
are timed again, and the best of their times counts. Memory is the most that Python held meanwhile
besides the text.
"""

import time
import tracemalloc
from pathlib import Path

from benchmarks.page import results
from benchmarks.statements.nasty import texts
from pinning.databases import statements

SIZES = {"1 KB": 1_000, "10 KB": 10_000, "60 KB": 60_000, "1 MB": 999_000, "10 MB": 10_000_000}
SLOWEST = 40
ROUNDS = 5


def measure(directory: Path, *, quick: bool) -> None:
    """Measure every size, and save the figures."""
    sizes = {name: size for name, size in SIZES.items() if not quick or size <= 60_000}
    rows = [_row(name, size) for name, size in sizes.items()]
    for row in rows:
        print(f"{row['size']:>6}: {row['most_ms']} ms, {row['most_mb']} MB for {row['text']}")
    results.save(directory, "statements", {"rows": rows})


def _row(name: str, size: int) -> dict[str, object]:
    found = sorted((_milliseconds(sql), how) for sql, how in texts(size))
    names = {how for _, how in found[-SLOWEST:]}
    slowest = [(sql, how) for sql, how in texts(size) if how in names]
    again = [(min(_milliseconds(sql) for _ in range(ROUNDS)), how) for sql, how in slowest]
    most, how = max(again)
    return {
        "size": name,
        "texts": len(found),
        "median_ms": round(found[len(found) // 2][0], 3),
        "most_ms": round(most, 2),
        "text": how,
        "most_mb": round(max(_megabytes(sql) for sql, _ in slowest), 1),
    }


def _milliseconds(sql: str) -> float:
    begun = time.process_time()
    statements._look(sql, "postgresql")  # not remembered, which is for short texts alone
    return (time.process_time() - begun) * 1000


def _megabytes(sql: str) -> float:
    tracemalloc.start()
    statements._look(sql, "postgresql")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 1e6
