"""The panel: what its template needs."""

import time
from typing import Any

from example_project.panel.chart import Sample, chart_with
from example_project.panel.clusters import next_step, shown_clusters
from example_project.panel.modes import REPLICA
from example_project.panel.pins import shown_pins
from example_project.panel.progress import Progress
from example_project.panel.runs import runs_of

_MOST_RUNS_SHOWN = 12


def panel_at(progress: Progress, behind: int | None, visitor: str) -> dict[str, Any]:
    """All that it says, as it was at one moment.

    ``behind`` is how many writes the replica lacks; None while it does not answer.
    """
    return {
        "replica": REPLICA,
        "behind": behind,
        "chart": chart_with(Sample(time.monotonic(), behind)),
        "pins": shown_pins(progress.position),
        "clusters": shown_clusters(),
        "next_step": next_step(),
        "runs": list(runs_of(visitor))[:_MOST_RUNS_SHOWN],
    }
