"""The site's Celery tasks."""

from typing import Any

from celery.exceptions import Reject

from pinning import is_behind, scope, use_replica
from tests.live.site.celery_app import app
from tests.live.site.traced import report
from tests.notes.models import Note


@app.task(bind=True)
def read(self: Any) -> dict[str, Any]:
    return {**report(), "mine": (self.request.headers or {}).get("mine")}


@app.task
def latest(of: str) -> dict[str, Any]:
    """The newest note of the one who asks."""
    mine = Note.objects.filter(text__startswith=f"{of}.").order_by("-pk")
    return {"notes": [note.text for note in mine[:1]]}


@app.task
@use_replica
def read_declared() -> dict[str, Any]:
    return report()


@app.task
@scope()
def read_in_scope() -> dict[str, Any]:
    return report()


@app.task
def write(text: str) -> dict[str, Any]:
    Note.objects.create(text=text)
    return report()


@app.task
def fail(text: str) -> None:
    Note.objects.create(text=text)
    raise RuntimeError("after the commit")


@app.task(bind=True, acks_late=True)
def write_and_requeue(self: Any) -> dict[str, Any]:
    """The broker delivers it again, with the headers of the first time."""
    if not self.request.delivery_info["redelivered"]:
        Note.objects.create(text="by a task")
        raise Reject(requeue=True)
    return report()


@app.task(bind=True)
def read_on_retry(self: Any) -> dict[str, Any]:
    if not self.request.retries:
        raise self.retry(countdown=1)
    return {**report(), "mine": (self.request.headers or {}).get("mine")}


@app.task(bind=True)
def read_later(self: Any) -> dict[str, Any]:
    if is_behind() and not self.request.retries:
        raise self.retry(countdown=2)
    return {**report(), "retries": self.request.retries}
