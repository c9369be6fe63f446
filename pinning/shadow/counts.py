"""What shadow mode counts: a bounded number of counters, and how a scope adds to them."""

import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Future
from functools import partial

from pinning.scopes import Reason, RequestScope, Scope

#: A key is one of these tuples of strings:
#:
#: - ``("read", view, reason)``: answers of the router;
#: - ``("won", view, "20")``: of those with the reason PINNED, how many a WAIT of 20 ms would have
#:   brought to a replica;
#: - ``("unknown", view)``: how many of them nobody knows that of;
#: - ``("pinned", view)``: requests and the like whose writes pin;
#: - ``("write", view, model, kind)``: those that wrote the model, ``kind`` being "safe" for a
#:   request whose method is safe, else "unsafe";
#: - ``("alone", view, model, kind)``: those that wrote nothing else that pins;
#: - ``("compared", model)`` and ``("stale", model)``: reads of the sample.
Key = tuple[str, ...]

#: So many counters are kept. A view or model that has no room left counts as "others".
MOST = 4000
OTHERS = "others"

#: The view of work that is no request, and of a request that no URL leads to.
NO_REQUEST, NO_VIEW = "(no request)", "(no view)"


class Counts:
    """The counters of a process. Several threads may add at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Key] = Counter()
        #: When it began to count, in seconds since 1970.
        self.since = time.time()

    def add(self, more: Iterable[tuple[Key, int]]) -> None:
        """Add to the counters with these keys."""
        with self._lock:
            for key, times in more:
                has_room = key in self._counts or len(self._counts) < MOST
                self._counts[key if has_room else _without_names(key)] += times

    def all(self) -> Counter[Key]:
        """All counters as they are now."""
        with self._lock:
            return self._counts.copy()

    def restart(self) -> None:
        """Begin anew."""
        with self._lock:
            self._counts.clear()
            self.since = time.time()


def add_scope(counts: Counts, scope: Scope) -> None:
    """Add what a scope did that ends now. What is not known yet is added once it is."""
    view = _view_of(scope)
    counts.add(_reads(scope, view))
    if scope.parent is None or scope.parent.is_closed:  # which else knows of these writes as well
        counts.add(_writes(scope, view))
    for work in list(scope.works.values()):
        pinned = work.reads.get(Reason.PINNED)
        if pinned and work.race is not None:
            work.race.add_done_callback(partial(_add_race, counts, view, pinned))


def _reads(scope: Scope, view: str) -> list[tuple[Key, int]]:
    return [
        (("read", view, str(reason)), times)
        for reasons in scope.reads.values()
        for reason, times in reasons.items()
    ]


def _writes(scope: Scope, view: str) -> list[tuple[Key, int]]:
    models = dict.fromkeys(write.model for write in scope.writes if write.pins)
    if not models:
        return []
    kind = "unsafe" if scope.is_unsafe or view == NO_REQUEST else "safe"
    kinds = ("write", "alone") if len(models) == 1 else ("write",)
    found = [((name, view, model, kind), 1) for name in kinds for model in models]
    return [(("pinned", view), 1), *found]


def _add_race(
    counts: Counts, view: str, reads: int, race: "Future[tuple[float, ...] | None]"
) -> None:
    """Add which waits would have been long enough for some ``reads``, if that is known."""
    waits = race.result()
    if waits is None:
        counts.add([(("unknown", view), reads)])
    else:
        counts.add([(("won", view, name_of(wait)), reads) for wait in waits])


def name_of(wait: float) -> str:
    """A length of a wait, in seconds, as it stands in a key."""
    return f"{wait * 1000:.0f}"


def _view_of(scope: Scope) -> str:
    """The name of the view's URL, or the view's own; it is the request's around the scope."""
    around: Scope | None = scope
    while around is not None and not isinstance(around, RequestScope):
        around = around.parent
    if around is None:
        return NO_REQUEST
    match = around.request.resolver_match
    return NO_VIEW if match is None else match.view_name or NO_VIEW


def _without_names(key: Key) -> Key:
    """The key in which "others" stands for views and models."""
    match key:
        case ("read" | "won" as what, _, which):
            return what, OTHERS, which
        case ("write" | "alone" as what, _, _, kind):
            return what, OTHERS, OTHERS, kind
        case (what, _):
            return what, OTHERS
    return key
