"""Runs the tests and the proof on an engine, and keeps what came of it."""

import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.page import results
from engines.catalogue import FOLDER, Engine

PART = "engines"
ROOT = Path(__file__).parents[1]

#: Those that concern the database: where its log is, who waits for it, what commits and locks.
LIVE = ("positions", "waiting", "commits", "locks", "journeys", "gtids", "mariadb", "mysql")
#: Planted bugs, which are PostgreSQL's.
TEETH = ("teeth",)
STORES = ("stores", "store_servers", "redis_cluster")

#: By the names of tests and files: a test of another database says so.
_CHOOSE = {"PostgreSQL": "not mariadb and not mysql", "MariaDB": "mariadb", "MySQL": "mysql"}
_VENDORS = {"PostgreSQL": "postgresql", "MariaDB": "mariadb", "MySQL": "mysql"}
_DRIVERS = {"PostgreSQL": "psycopg", "MariaDB": "mysqlclient", "MySQL": "mysqlclient"}


#: What may be run.
PARTS = ("live", "teeth", "proof")


def run(engine: Engine, parts: Sequence[str], pairs: int, step_seconds: float) -> dict[str, Any]:
    """Run those of the parts that are for the engine; the counts."""
    is_database = engine.product in _VENDORS
    found: dict[str, Any] = {
        "name": engine.name,
        "engine": engine.product,
        "version": engine.version(),
        "source": engine.source,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "driver": _driver(engine.product),
    }
    if "live" in parts:
        found["live"] = tests(engine, LIVE if is_database else STORES)
    if "teeth" in parts and engine.product == "PostgreSQL":
        found["teeth"] = tests(engine, TEETH)
    if "proof" in parts and is_database:
        found["proof"] = proof(engine, pairs, step_seconds)
    return found


def tests(engine: Engine, names: tuple[str, ...]) -> dict[str, int]:
    """How many passed, were skipped, and failed."""
    folder = ROOT / "tests/"
    files = [folder / "live" / f"test_{name}.py" for name in names]
    if names is LIVE:
        files += [folder / "testing" / "test_postgres.py", folder / "testing" / "test_mariadb.py"]
    chosen = ["-k", _CHOOSE[engine.product]] if engine.product in _CHOOSE else []
    with TemporaryDirectory() as there:
        report = Path(there) / "report.xml"
        how = ["-q", "-n", "0", "-p", "no:cacheprovider", f"--junitxml={report}"]
        python = [sys.executable, "-W", "error", "-m", "pytest"]
        subprocess.run([*python, *how, *files, *chosen], env=_environment(engine), cwd=ROOT)
        return counted(report)


def counted(report: Path) -> dict[str, int]:
    """The counts of pytest's report."""
    (suite,) = ElementTree.parse(report).getroot().iter("testsuite")
    number = {key: int(suite.get(key, 0)) for key in ("skipped", "failures", "errors")}
    failed = number["failures"] + number["errors"]
    passed = sum(1 for _ in suite.iter("testcase")) - number["skipped"] - failed
    return {"passed": passed, "skipped": number["skipped"], "failed": failed}


def proof(engine: Engine, pairs: int, step_seconds: float) -> dict[str, Any]:
    """What the proof counted on it. Its histories are kept beside the engines."""
    there = FOLDER / "proof" / engine.name
    how = ["--pairs", str(pairs), "--step", str(step_seconds), "--history", str(there)]
    command = [sys.executable, "-m", "proof", "--vendors", _VENDORS[engine.product], *how]
    shutil.rmtree(there, ignore_errors=True)
    subprocess.run(command, env=_environment(engine), cwd=ROOT)
    part = results.load(there, "proof")
    if part is None:
        raise RuntimeError(f"The proof did not begin on {engine.name}.")
    counts = {key: part.get(key, 0) for key in ("pairs", "writes", "stale", "failed")}
    return {**counts, "faults": list(dict.fromkeys(act["fault"] for act in part["acts"]))}


def keep(found: dict[str, Any], directory: Path = results.DIRECTORY) -> None:
    """Put it in the place of what was there of this engine. Parts that were not run stay.

    Each part has the day on which it was run.
    """
    part = results.load(directory, PART) or {"engines": []}
    known = {each["name"]: each for each in part["engines"]}
    before = known.get(found["name"], {})
    is_same = before.get("version") == found["version"]
    known[found["name"]] = {**(_dated(before) if is_same else {}), **_dated(found)}
    ordered = sorted(known.values(), key=lambda each: (each["engine"], _number(each["version"])))
    results.save(directory, PART, {"engines": ordered})


def _dated(found: dict[str, Any]) -> dict[str, Any]:
    parts = {name: {"date": found["date"], **found[name]} for name in PARTS if found.get(name)}
    return {**found, **parts}


def _number(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _environment(engine: Engine) -> dict[str, str]:
    return {**os.environ, **engine.environment()}


def _driver(product: str) -> str:
    name = _DRIVERS.get(product, "redis")
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return name
