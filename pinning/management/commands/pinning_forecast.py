"""``manage.py pinning_forecast``: what would happen if replicas were switched on."""

import json
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from pinning import conf, shadow
from pinning.diagnosis import table
from pinning.exceptions import kind_and_text
from pinning.management.advice import advice
from pinning.shadow import WAITS, Forecast, Totals, View

#: So many views and tables are shown to people.
_ROWS = 20

_NOTHING = (
    'Nothing was counted. Set USE_REPLICAS to "shadow", restart the site, let users visit it, and '
    "run this with the same CACHE, which all processes have to share (the check pinning.W036)."
)


class Command(BaseCommand):
    """Say what shadow mode has counted, and change nothing."""

    help = (
        "Say which part of the reads replicas would serve, from what the site has counted with "
        'USE_REPLICAS = "shadow" in the last day.'
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A table for people without any."""
        add = parser.add_mutually_exclusive_group().add_argument
        add("--json", action="store_true", help="print JSON, for programs")
        add("--clear", action="store_true", help="forget what was counted, in all processes")

    def handle(self, *_: Any, **options: Any) -> None:
        """Print, or let all processes begin anew."""
        try:
            settings = conf.settings()
            if options["clear"]:
                shadow.clear()
                return
            totals = shadow.load()
        except ImproperlyConfigured as error:
            raise CommandError(str(error), returncode=2) from error
        except Exception as error:  # only the cache knows the errors of its client
            told = kind_and_text(error)
            raise CommandError(f"The cache cannot be read: {told}", returncode=2) from error
        if not totals.counts:
            raise CommandError(_NOTHING)
        forecast = Forecast(totals.counts)
        sentences = list(advice(forecast, settings))
        if options["json"]:
            facts = {"since": totals.since, "processes": totals.processes}
            self.stdout.write(
                json.dumps(facts | forecast.values() | {"advice": sentences}, indent=2)
            )
        else:
            self.stdout.write("\n\n".join(_parts(forecast, totals, sentences)))


def _parts(forecast: Forecast, totals: Totals, told: list[str]) -> Iterator[str]:
    minutes = (time.time() - totals.since) / 60
    yield (
        f"In {minutes:.0f} minutes {totals.processes} processes have counted "
        f"{forecast.total.reads:,} reads. Of these, replicas would serve:"
    )
    yield _table_of_views(forecast)
    if forecast.tables:
        yield f"{forecast.pins:,} requests and tasks pinned somebody. They wrote:"
        yield _table_of_tables(forecast)
    compared, stale = (
        sum(each.compared for each in forecast.sample),
        sum(each.stale for each in forecast.sample),
    )
    if compared:
        yield f"Of {compared:,} reads that were compared, {stale:,} would have been late."
    yield "\n".join(f"- {sentence}" for sentence in told)


def _table_of_views(forecast: Forecast) -> str:
    waits = [f"WAIT {wait:g}" for wait in WAITS]
    rows = [("view", "reads", *waits, "the rest is mostly")]
    rows += [_row(view) for view in [forecast.total, *forecast.views[:_ROWS]]]
    return table(rows)


def _row(view: View) -> tuple[str, ...]:
    shares = (f"{share:.0%}" for share in view.shares)
    return (view.name, f"{view.reads:,}", *shares, next(iter(view.reasons), "-"))


def _table_of_tables(forecast: Forecast) -> str:
    rows: list[tuple[str, ...]] = [("model", "pins", "alone", "only showing", "mostly in")]
    rows += [
        (
            each.model,
            f"{each.pins / forecast.pins:.0%}",
            f"{each.alone / forecast.pins:.0%}",
            f"{each.safe / forecast.pins:.0%}",
            each.views[0],
        )
        for each in forecast.tables[:_ROWS]
    ]
    return table(rows)
