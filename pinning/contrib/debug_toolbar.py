"""django-debug-toolbar: a panel with the reads, writes, pins and waits of a request.

``DEBUG_TOOLBAR_PANELS`` names it: "pinning.contrib.debug_toolbar.PinningPanel".
"""

import functools
import inspect
import time
from collections import Counter, deque
from typing import Any

from debug_toolbar.panels import Panel

from pinning.conf import clusters
from pinning.pins import Pin, Pins
from pinning.scopes import Read, Reason, Scope, Write, current_scope, traced
from pinning.signals import scope_closed

#: What the reason of a read says about the pins on its cluster.
_STATES = {
    Reason.PINNED: "holds: no replica that was asked has it yet",
    Reason.CAUGHT_UP: "a replica has it",
    Reason.WINDOW_OVER: "over by the clock",
}


#: The requests of this process that pinned: when each began and ended, what it wrote to which
#: cluster, and where. Pins do not tell which write made them.
_made: deque[tuple[float, float, list[tuple[str, str]]]] = deque(maxlen=100)

#: A pin may be made once the toolbar's own middleware is through, and the primary dates it.
_SLACK_SECONDS = 2.0


class PinningPanel(Panel):
    """The panel. Its middleware may stand before ``PinningMiddleware`` or after it."""

    title = nav_title = "Pinning"
    template = "pinning/debug_toolbar.html"
    is_async = True

    def enable_instrumentation(self) -> None:
        """Note the scopes of the request: the one around the toolbar, and those that end in it."""
        around = current_scope()
        self._scopes = [] if around is None else [around]
        self._trace: list[Read | Write] = []
        self._began = time.time() - 0.1  # a pin's time may be rounded
        scope_closed.connect(self._note)

    def disable_instrumentation(self) -> None:
        """Note no more."""
        scope_closed.disconnect(self._note)

    def process_request(self, request: Any) -> Any:
        """Trace the request, until its body begins."""
        with traced() as self._trace:
            response = self.get_response(request)
        return self._awaited(response) if inspect.isawaitable(response) else response

    async def _awaited(self, response: Any) -> Any:
        with traced() as self._trace:
            return await response

    def _note(self, scope: Scope, **_: object) -> None:
        if scope.trace is self._trace:  # requests of other threads end meanwhile
            self._scopes.append(scope)

    def generate_stats(self, request: Any, response: Any) -> None:  # noqa: ARG002
        """Keep what was seen, as the plain values that the toolbar stores."""
        events = Counter(self._trace)
        reads = [(event, times) for event, times in events.items() if isinstance(event, Read)]
        writes = [(event, times) for event, times in events.items() if isinstance(event, Write)]
        if any(write.pins for write, _ in writes):
            told = [(write.alias, _told(write)) for write, _ in writes if write.pins]
            _made.append((self._began, time.time() + _SLACK_SECONDS, told))
        self.record_stats(  # type: ignore[no-untyped-call]
            {
                "reads": [_row_of_read(read, times) for read, times in reads],
                "writes": [{**write._asdict(), "times": times} for write, times in writes],
                "pins": _rows_of_pins(self._scopes, [read for read, _ in reads]),
                "waited": sum(sum(scope.waited.values()) for scope in self._scopes),
            }
        )

    @property
    def nav_subtitle(self) -> str:
        """How many of the reads replicas served, and how long they have waited for that."""
        stats = self.get_stats()  # type: ignore[no-untyped-call]
        reads = stats.get("reads", ())
        served = sum(row["times"] for row in reads if row["is_on_replica"])
        text = f"{served} of {sum(row['times'] for row in reads)} reads from replicas"
        waited = stats.get("waited", 0.0)
        return f"{text}, waited {1000 * waited:.0f} ms" if waited else text


def _told(write: Write) -> str:
    return f"{write.statement} of {write.model}, {write.line}".removesuffix(", ")


def _row_of_read(read: Read, times: int) -> dict[str, Any]:
    cluster = clusters().of_alias(read.alias)
    is_on_replica = cluster is not None and read.alias != cluster.primary
    why = read.reason.explanation
    return {**read._asdict(), "why": why, "times": times, "is_on_replica": is_on_replica}


def _rows_of_pins(scopes: list[Scope], reads: list[Read]) -> list[dict[str, Any]]:
    """The pins that the scopes opened with. What they wrote pins from the next request on."""
    loaded = functools.reduce(Pins.merge, (scope.loaded_pins or Pins() for scope in scopes), Pins())
    now = time.time()
    return [
        {
            "cluster": pin.cluster,
            "age": max(0.0, now - pin.written_at),
            "state": _state(pin, reads),
            "writes": _writes_of(pin),
        }
        for pin in loaded
    ]


def _writes_of(pin: Pin) -> tuple[str, ...]:
    """What made it, if a request did that the toolbar has seen: the pin's time was then."""
    for began, ended, writes in reversed(_made):
        told = [text for cluster, text in writes if cluster == pin.cluster]
        if told and began <= pin.written_at <= ended:
            return tuple(told)
    return ()


def _state(pin: Pin, reads: list[Read]) -> str:
    """What the last read said for which the pin counted."""
    for read in reversed(reads):
        cluster = clusters().of_alias(read.alias)
        if cluster is not None and cluster.primary == pin.cluster and read.reason in _STATES:
            return _STATES[read.reason]
    return "was not asked about"
