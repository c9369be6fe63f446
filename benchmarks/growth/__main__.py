"""Measures all combinations, and prints what came of it: ``python -m benchmarks.growth``."""

import argparse
import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
django.setup()

# What follows needs the settings.
# ruff: noqa: E402
from benchmarks import growth
from benchmarks.growth.memory import cookie_sizes, grow_identities, live_scope_bytes
from benchmarks.growth.world import World, cache_in
from benchmarks.page import results
from benchmarks.page.tables import GROWTH, markdown

COLUMNS = (*GROWTH, "connections", "reads_on_primary", "stale", "failed")


def table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> str:
    """In markdown."""
    return markdown(columns, ([row[column] for column in columns] for row in rows))


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.growth", description=growth.__doc__.splitlines()[0]
    )
    parser.add_argument("--json", type=Path, required=True, help="where to write all figures")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--users", type=int, nargs="+", default=[10, 1000, 100_000])
    parser.add_argument("--rate", type=float, default=100, help="requests a second")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--warm-up", type=float, default=2, help="seconds before that")
    parser.add_argument("--identities", type=int, default=100_000)
    return parser.parse_args(arguments)


def main() -> None:
    """Measure every combination, then one process' memory."""
    options, rows, stored = options_of(), [], []
    with ExitStack() as stack:
        world = World(stack, max(options.replicas))
        stack.enter_context(cache_in(world.redis))
        for users in options.users:
            stored.append(world.pin(users))
            for replicas in options.replicas:
                for threads in options.threads:
                    rows.append(world.measure(threads, replicas, users, options))
                    print(rows[-1], file=sys.stderr, flush=True)
        memory = grow_identities(options.identities)
        scope_bytes = live_scope_bytes()
    result = {
        "machine": results.machine(),
        "rows": rows,
        "redis": stored,
        "process": memory,
        "live_scope_bytes": scope_bytes,
        "cookies": cookie_sizes(),
    }
    options.json.write_text(json.dumps(result, indent=1) + "\n")
    print(table(rows, COLUMNS))
    for title in ("redis", "process", "cookies"):
        print(f"\n{table(result[title], tuple(result[title][0]))}")
    print(f"\nAn open scope with its pins takes {scope_bytes} bytes.")


if __name__ == "__main__":
    main()
