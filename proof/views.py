"""What the visitors of the proof's sites do in ways that other sites need not have."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.core.cache import caches
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from pinning import in_scope, traced
from pinning.verify import views
from pinning.verify.models import Counter
from pinning.verify.numbers import Number, primary, read, stream, told
from pinning.verify.passes import HEADER, Pass
from proof.models import Receipt, Remark

_THREADS = 3

#: Seconds for which everybody goes for the same receipt, and how far ahead its lock was held once.
_RECEIPT_SECONDS = 0.5
_AHEAD = 6


@views.with_pass
def begin(request: HttpRequest, shown: Pass) -> HttpResponseBase:
    """Begin a run, with a remark on each row."""
    response = views.begin(request)
    rows = Counter.objects.using(primary()).filter(run=shown.run)
    Remark.objects.bulk_create(
        Remark(run=shown.run, session=row.session, target=row) for row in rows
    )
    return response


@views.with_pass
def way(request: HttpRequest, shown: Pass, session: int) -> HttpResponseBase:
    """Do what the query names."""
    number = Number(shown.run, session, int(request.GET["new"]))
    return JsonResponse(WORK[request.GET["way"]](number, request.GET["client"]))


def in_threads(number: Number, _: str) -> dict[str, Any]:
    """Read in several threads of the request's scope at the same time: the least of all counts."""

    def look(_: int) -> int:
        try:
            return number.seen()
        finally:
            connections.close_all()

    def see() -> int:
        with ThreadPoolExecutor(_THREADS) as pool:
            return min(pool.map(in_scope(look), range(_THREADS)))

    return read(see)


def lock_and_count(number: Number, _: str) -> dict[str, Any]:
    """Lock a row, look whether somebody has taken the receipt, and take it if nobody has."""
    now = f"{_now()}"
    receipts = Receipt.objects.filter(run=number.run, number=now)
    with _view_transaction():
        Counter.objects.select_for_update().get(run=number.run, session=0)
        seen = read(receipts.count)
        there = receipts.using(primary()).count()
        if not seen["value"]:
            receipts.create(run=number.run, number=now)
    return {**seen, "least": there, "which": now}


def cache_lock(number: Number, _: str) -> dict[str, Any]:
    """Take the receipt under a lock in the database cache, which only one may ever have.

    The first session only sees to it that there are old rows of later locks, which have expired.
    """
    cache, now = caches["table"], _now()
    which = f"locked {now}"
    receipts = Receipt.objects.using(primary()).filter(run=number.run, number=which)
    if number.session == 0:
        for later in range(now + _AHEAD, now + 2 * _AHEAD):
            cache.add(f"{number.run}-{later}", 1, timeout=0)
        return {"value": 0, "which": "later"}
    there = receipts.count()
    seen = read(lambda: cache.get(f"{number.run}-{now}", 0))
    if not seen["value"] and cache.add(f"{number.run}-{now}", 1):
        Receipt.objects.create(run=number.run, number=which)
        return {**seen, "least": there, "which": which}
    return {**seen, "value": there, "least": there, "which": which}


def cache_incr(number: Number, client: str) -> dict[str, Any]:
    """Count a client's calls in the database cache. The one before must be in it."""

    def before() -> int:
        try:
            return caches["table"].incr(_calls(number, client)) - 1
        except ValueError:
            caches["table"].set(_calls(number, client), 1, timeout=None)
            return 0

    seen = read(before)
    return {**seen, "wrote": seen["value"] + 1}


def cache_get(number: Number, client: str) -> dict[str, Any]:
    """Read a client's calls."""
    return read(lambda: caches["table"].get(_calls(number, client), 0))


def write_and_follow(follow: Callable[[Number], Callable[[], int]]) -> Callable[..., Any]:
    """Load an object, write the number, and read it from what was loaded."""

    def work(number: Number, _: str) -> dict[str, Any]:
        see = follow(number)
        number.update()
        return {**read(see), "wrote": number.new, "least": number.new}

    return work


def generic_foreign_key(number: Number) -> Callable[[], int]:
    """The number that a remark is about."""
    remarks = Remark.objects.filter(run=number.run, session=number.session)
    remark = remarks.first() or remarks.using(primary()).get()
    return lambda: remark.target.value


def next_row(number: Number) -> Callable[[], int]:
    """The number that comes next to another's."""
    others = Counter.objects.filter(run=number.run).exclude(session=number.session)
    other = others.first() or others.using(primary())[0]
    is_before = other.session < number.session
    step = other.get_next_by_made if is_before else other.get_previous_by_made
    return lambda: step(run=number.run, session=number.session).value


def deferred_field(number: Number) -> Callable[[], int]:
    """The number of a row that was loaded without it."""
    rows = number.rows().only("run")
    row = rows.first() or rows.using(primary()).get()
    return lambda: row.value


#: What the view does, by the way's name.
WORK: dict[str, Callable[[Number, str], dict[str, Any]]] = {
    "several threads": in_threads,
    "lock and count": lock_and_count,
    "cache lock": cache_lock,
    "cache incr": cache_incr,
    "cache get": cache_get,
    "generic foreign key": write_and_follow(generic_foreign_key),
    "next row": write_and_follow(next_row),
    "deferred field": write_and_follow(deferred_field),
}


@csrf_exempt
@transaction.non_atomic_requests
async def async_way(request: HttpRequest, session: int) -> HttpResponseBase:
    """Read, write or stream by an asynchronous view, as the query names it."""
    shown = Pass.read(request.headers.get(HEADER, ""))
    if shown is None:
        return HttpResponse(status=403)
    if "signed_in" in request.GET and not (await request.auser()).is_authenticated:
        return HttpResponse(status=401)
    number = Number(shown.run, session, int(request.GET["new"]))
    if request.GET["way"] == "async stream":
        return stream(request, number)
    if request.method == "POST":
        rows = number.rows().filter(value__lt=number.new)
        await rows.aupdate(value=number.new)
        return JsonResponse({"wrote": number.new})
    values = number.rows().values_list("value", flat=True)
    with traced() as trace:
        seen = [value async for value in values.aiterator()]
    return JsonResponse(told(sum(seen), trace))


def _view_transaction() -> AbstractContextManager[Any]:
    """The one that ATOMIC_REQUESTS has opened, or one of our own."""
    is_open = connections[primary()].in_atomic_block
    return nullcontext() if is_open else transaction.atomic(using=primary())


def _now() -> int:
    """Which receipt it is that everybody goes for."""
    return int(time.time() / _RECEIPT_SECONDS)


def _calls(number: Number, client: str) -> str:
    return f"{number.run} {client}".replace(" ", "-")
