"""Backends of Django's tasks, all of which carry pins."""

import json
from typing import Any, ClassVar

from django.tasks import Task
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.backends.dummy import DummyBackend
from django.tasks.backends.immediate import ImmediateBackend

from pinning.contrib.tasks import CarriesPins


class AtOnce(CarriesPins, ImmediateBackend):
    """Runs a task where it is enqueued."""


class Never(CarriesPins, DummyBackend):
    """Runs none."""


class Later(CarriesPins, BaseTaskBackend):
    """Keeps what a worker would get."""

    supports_async_task = True
    queue: ClassVar[list[tuple[Task, str]]] = []

    def enqueue(self, task: Task, args: Any, kwargs: Any) -> None:
        self.queue.append((task, json.dumps([args, kwargs])))

    @classmethod
    def work(cls) -> Any:
        """Call the oldest task as a worker does."""
        task, message = cls.queue.pop(0)
        args, kwargs = json.loads(message)
        return task.call(*args, **kwargs)
