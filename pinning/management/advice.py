"""What to do before replicas are switched on, in sentences, from the forecast of shadow mode."""

from collections.abc import Iterator

from pinning.conf import Settings
from pinning.scopes import Reason
from pinning.shadow import WAITS, Forecast, Table

#: Of fewer reads nothing is said.
ENOUGH = 200

#: A model is told of if it alone makes this share of the pins, or is stale in this share of reads.
_SHARE = 0.05

#: A wait is worth it if it brings this share of the reads to replicas.
_GAIN = 0.01

#: So many views are named.
_VIEWS = 3


def advice(forecast: Forecast, settings: Settings) -> Iterator[str]:
    """Sentences, in the order of doing."""
    if forecast.total.reads < ENOUGH:
        yield f"Only {forecast.total.reads} reads were counted: wait for more, of a usual day."
        return
    yield from _of_health(forecast)
    for table in forecast.tables:
        if table.alone >= _SHARE * forecast.pins:
            yield from _of_table(table, settings)
    yield _of_waits(forecast)
    for each in forecast.sample:
        if each.stale and each.stale >= _SHARE * each.compared:
            yield (
                f"{each.stale} of {each.compared} reads of {each.model} would have been late for "
                "those whom nothing pins. Where nobody may see it late: PRIMARY_MODELS."
            )


def _of_health(forecast: Forecast) -> Iterator[str]:
    out = forecast.total.reasons.get(Reason.NO_REPLICA, 0)
    if out >= _GAIN * forecast.total.reads:
        yield f"For {out} reads no replica was healthy: see manage.py pinning_status."


def _of_table(table: Table, settings: Settings) -> Iterator[str]:
    """What keeps its writes from pinning, if they come from pages that only show something."""
    if table.safe < table.pins / 2:
        return
    label, views = table.model, _named(table.views)
    so = f"Pages that only show write {label}, and pin their readers ({views})."
    if label.count(".") != 1 or label.lower() in {
        name.lower() for name in settings.unpinned_models
    }:
        yield f"{so} Write it last, inside unpinned(), if its writer may see it late."
    elif label.lower() in {name.lower() for name in settings.primary_models}:
        yield f"{so} It is read on the primary anyway: add it to UNPINNED_MODELS."
    elif table.safe < table.pins:
        yield f"{so} Others write it too: use unpinned() around the writes of these views."
    else:
        yield (
            f"{so} Add it to UNPINNED_MODELS and to PRIMARY_MODELS; or write it last, "
            "inside unpinned(), if other models join it."
        )


def _of_waits(forecast: Forecast) -> str:
    """The shortest wait after which a longer one brings little more."""
    shares = forecast.total.shares
    best = next(
        wait for wait, share in zip(WAITS, shares, strict=True) if share >= max(shares) - _GAIN
    )
    if best == 0:
        return 'Set "WAIT": 0. To wait for a replica brings hardly a read more to it.'
    gain = shares[WAITS.index(best)] - shares[0]
    return f'Set "WAIT": {best:g}. It brings {gain:.0%} of all reads to replicas.'


def _named(views: tuple[str, ...]) -> str:
    more = len(views) - _VIEWS
    return ", ".join(views[:_VIEWS]) + (f" and {more} more" if more > 0 else "")
