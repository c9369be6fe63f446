"""Celery: the message of a task carries the pins of the scope that published it.

An import of this module connects it. To have it imported in the site and in the worker, put
``"pinning.contrib.celery"`` into INSTALLED_APPS.
"""

from typing import Any

from celery import Task, current_task, signals

from pinning.scopes import NewScope, carried, carried_for_all, current_scope, scope, take_carried

#: The message's header for the pins. It stands beside Celery's own headers, so the worker finds it
#: on ``task.request`` whatever headers the project sets. Inside the header "headers" it would hide
#: the project's from ``task.request.headers`` (Context.__init__ in celery/app/task.py).
HEADER = "pinning"

_BLOCK = "pinning_block"


def add_pins(headers: dict[str, Any], **_: object) -> None:
    """Receive ``before_task_publish``. Outside a scope a retried task keeps the pins it had."""
    if text := (carried_for_all() if _is_for_many() else carried()):
        headers[HEADER] = text


def open_scope(task: Task, **_: object) -> None:
    """Receive ``task_prerun``. A task that runs at once belongs to the scope that called it.

    What is delivered again has the pins of the first time, and may have written since: Reject, a
    worker that died, Redis's visibility timeout. All that anybody has written until now covers it.
    """
    request = task.request
    if request.is_eager and current_scope() is not None:
        return
    block = scope(carried=request.get(HEADER))
    block.__enter__()
    setattr(request, _BLOCK, block)
    if (request.delivery_info or {}).get("redelivered"):
        take_carried(carried_for_all())


def close_scope(task: Task, **_: object) -> None:
    """Receive ``task_postrun``, which Celery sends however the task has ended."""
    block = task.request.__dict__.pop(_BLOCK, None)
    if isinstance(block, NewScope):  # a message's header may have that name
        block.__exit__()


def _is_for_many() -> bool:
    """Whether the task may be the body of a chord, which waits for other tasks' writes too.

    The last of the chord's tasks publishes the body. If the result backend cannot count, a task of
    Celery's own publishes it.
    """
    task = current_task
    return bool(task and (task.request.chord or task.name == "celery.chord_unlock"))


# If a receiver raises, Celery logs the error and goes on.
signals.before_task_publish.connect(add_pins, dispatch_uid="pinning.add_pins")
signals.task_prerun.connect(open_scope, dispatch_uid="pinning.open_scope")
signals.task_postrun.connect(close_scope, dispatch_uid="pinning.close_scope")
