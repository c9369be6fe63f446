"""Where raw numbers are kept, and on which machine they were taken."""

import json
import os
import platform
import statistics
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parents[1] / "results"

#: The files there, without ``.json``.
PARTS = (
    *("overhead", "rows", "counters", "memory", "statements", "suite"),
    *("visitors", "rush", "waits", "rest", "growth"),
)


def save(directory: Path, name: str, figures: dict[str, Any]) -> None:
    """Write one part's figures, with the machine."""
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"machine": machine(), **figures}, indent=1)
    (directory / f"{name}.json").write_text(text + "\n")


def load(directory: Path, name: str) -> dict[str, Any] | None:
    """One part's figures, or None where it was not run."""
    file = directory / f"{name}.json"
    return json.loads(file.read_text()) if file.exists() else None


def machine() -> dict[str, Any]:
    """What the figures depend on. ``load`` is the load average of the last minute."""
    return {
        "processor": _processor(),
        "processors": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "python": platform.python_version(),
        "django": version("django"),
        "system": _system(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "load": round(os.getloadavg()[0], 1),
    }


def middle(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """The median, and the least and the most."""
    return {
        "median": round(statistics.median(values), digits),
        "least": round(min(values), digits),
        "most": round(max(values), digits),
    }


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:  # no Linux
        return platform.platform()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
