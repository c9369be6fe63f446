"""Looks at the stores that STORES names."""

import time
from collections.abc import Sequence
from functools import partial

from pinning.breaker import breaker_of
from pinning.diagnosis.answers import LATE, answers
from pinning.diagnosis.seen import SeenStore
from pinning.exceptions import kind_and_text
from pinning.pins.stores import Store, load_store


def look_at_stores(names: Sequence[str]) -> list[SeenStore]:
    """What is seen of each store. Nothing is changed. Raises ImproperlyConfigured."""
    stores = {name: load_store(name) for name in names}
    found = answers({name: partial(_ask, name, store) for name, store in stores.items()})
    return [
        found.get(name) or SeenStore(name=name, is_server_side=store.is_server_side, error=LATE)
        for name, store in stores.items()
    ]


def _ask(name: str, store: Store) -> SeenStore:
    """Ask one store. Each error counts, because only a cache knows the errors of its client."""
    began_at = time.monotonic()
    is_set_aside = breaker_of("store", name).is_resting
    try:
        condition = store.condition()
    except Exception as error:
        return SeenStore(
            name=name,
            is_server_side=store.is_server_side,
            error=kind_and_text(error),
            is_set_aside=is_set_aside,
        )
    return SeenStore(
        name=name,
        is_server_side=store.is_server_side,
        answered_in=time.monotonic() - began_at if store.is_server_side else None,
        condition=condition,
        is_set_aside=is_set_aside,
    )
