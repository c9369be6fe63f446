"""Celery: a task's message carries the pins of the scope that published it.

To import it connects it. ``"pinning.contrib.celery"`` in INSTALLED_APPS does so in the site and in
the worker.
"""

from typing import Any

from celery import Task, current_task, signals

from pinning.scopes import NewScope, carried, carried_for_all, current_scope, scope

#: The message's header. It is an outer one, beside Celery's own, which the worker finds on
#: ``task.request`` whatever headers the project sets; an inner one, in the header "headers", would
#: hide those from ``task.request.headers`` (Context.__init__ in celery/app/task.py).
HEADER = "pinning"

_BLOCK = "pinning_block"


def add_pins(headers: dict[str, Any], **_: object) -> None:
    """Receive ``before_task_publish``. Outside a scope a retried task keeps what it had."""
    if text := (carried_for_all() if _is_for_many() else carried()):
        headers[HEADER] = text


def open_scope(task: Task, **_: object) -> None:
    """Receive ``task_prerun``. A task that runs at once belongs to the scope it was called in."""
    request = task.request
    if request.is_eager and current_scope() is not None:
        return
    block = scope(carried=request.get(HEADER))
    block.__enter__()
    setattr(request, _BLOCK, block)


def close_scope(task: Task, **_: object) -> None:
    """Receive ``task_postrun``, which is sent however the task has ended."""
    block = task.request.__dict__.pop(_BLOCK, None)
    if isinstance(block, NewScope):  # and not a header of that name
        block.__exit__()


def _is_for_many() -> bool:
    """Whether what is published may be a chord's body, which waits for other tasks' writes too.

    The last of the chord's tasks publishes it, or where the result backend cannot count, a task of
    Celery's own.
    """
    task = current_task
    return bool(task and (task.request.chord or task.name == "celery.chord_unlock"))


# Celery logs what a receiver raises, and goes on.
signals.before_task_publish.connect(add_pins, dispatch_uid="pinning.add_pins")
signals.task_prerun.connect(open_scope, dispatch_uid="pinning.open_scope")
signals.task_postrun.connect(close_scope, dispatch_uid="pinning.close_scope")
