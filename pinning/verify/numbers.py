"""A session's number on the site: how views write it, and how they read it."""

import functools
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connections, router, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse

from pinning import Read, Write, traced
from pinning.verify.models import Counter

_RAISE = f"""
UPDATE {Counter._meta.db_table} SET value = %s WHERE run = %s AND session = %s AND value < %s
"""  # noqa: S608  no value from outside


@functools.cache
def primary() -> str:
    """The alias to write to. Asked once: what has not asked the router has to be seen as well."""
    return str(router.db_for_write(Counter))


@dataclass(frozen=True, slots=True)
class Number:
    """The number of one session, and the larger one to write, if any."""

    run: str
    session: int
    new: int = 0

    def rows(self) -> QuerySet[Counter]:
        """Its row."""
        return Counter.objects.filter(run=self.run, session=self.session)

    def seen(self) -> int:
        """What is read, 0 for nothing."""
        return self.rows().values_list("value", flat=True).first() or 0

    def update(self) -> None:
        """Write the new one by the ORM, without a transaction. A number never shrinks."""
        self.rows().filter(value__lt=self.new).update(value=self.new)

    def update_in_transaction(self) -> None:
        """Write it in a transaction."""
        with transaction.atomic(using=primary()):
            self.update()

    def execute(self) -> None:
        """Write it by raw SQL."""
        with connections[primary()].cursor() as cursor:
            cursor.execute(_RAISE, self._parameters(self.new))

    def execute_many(self) -> None:
        """Write it by one statement with several sets of parameters."""
        with connections[primary()].cursor() as cursor:
            cursor.executemany(_RAISE, [self._parameters(new) for new in (self.new - 1, self.new)])

    def _parameters(self, new: int) -> tuple[int, str, int, int]:
        return new, self.run, self.session, new


def read(see: Callable[[], int]) -> dict[str, Any]:
    """What ``see`` sees, from where, and why."""
    with traced() as trace:
        value = see()
    return told(value, trace)


def told(value: int, trace: Sequence[Read | Write]) -> dict[str, Any]:
    """A number that was read, and the last of the router's answers for it."""
    read = next((each for each in reversed(trace) if isinstance(each, Read)), None)
    where = {"alias": ""} if read is None else read._asdict()
    where.pop("line", None)  # which is the server's own affair
    return {"reason": "", **where, "value": value}


def stream(
    request: HttpRequest, number: Number, write: Callable[[Number], None] = Number.update
) -> HttpResponseBase:
    """Write while the body streams, when the headers have left."""
    is_async = isinstance(request, ASGIRequest)
    parts = _parts_for_asgi(number, write) if is_async else _parts(number, write)
    return StreamingHttpResponse(parts, content_type="application/json")


def _parts(number: Number, write: Callable[[Number], None]) -> Iterator[str]:
    yield '{"wrote": '
    write(number)
    yield f"{number.new}}}"


async def _parts_for_asgi(number: Number, write: Callable[[Number], None]) -> AsyncIterator[str]:
    yield '{"wrote": '
    await sync_to_async(write)(number)
    yield f"{number.new}}}"


def writes(write: Callable[[Number], None]) -> Callable[[HttpRequest, Number], HttpResponseBase]:
    """A view's work: write, and say so."""

    def work(request: HttpRequest, number: Number) -> HttpResponseBase:  # noqa: ARG001
        write(number)
        return JsonResponse({"wrote": number.new})

    return work


#: What the view does, by the way's name.
WORK: dict[str, Callable[[HttpRequest, Number], HttpResponseBase]] = {
    "read": lambda _, number: JsonResponse(read(number.seen)),
    "update": writes(Number.update),
    "transaction": writes(Number.update_in_transaction),
    "raw SQL": writes(Number.execute),
    "executemany": writes(Number.execute_many),
    "write by GET": writes(Number.update),
    "stream": stream,
    "stream by GET": stream,
}
