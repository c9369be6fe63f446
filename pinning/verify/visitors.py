"""Visitors of a site, each in a thread of its own, until they are sent home."""

import threading
from collections.abc import Iterable, Iterator
from typing import Self


class Visitors:
    """Visitors who go on for the length of a block: ``with Visitors([...]) as visitors:``.

    A visitor is an iterator of pauses in seconds. Whenever it is asked for the next one, it visits.
    One that has no more pauses goes home early. An error sends home the one who makes it; the first
    is raised at the end of the block, unless the block itself raises.
    """

    def __init__(self, visitors: Iterable[Iterator[float]]) -> None:
        """Let nobody loose yet."""
        #: What went wrong so far.
        self.errors: list[Exception] = []
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._go_on, args=[each]) for each in visitors]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        if self.errors and kind is None:
            raise self.errors[0]

    def _go_on(self, visitor: Iterator[float]) -> None:
        try:
            for pause_seconds in visitor:
                if self._is_over.wait(pause_seconds):
                    break
        except Exception as error:
            self.errors.append(error)
