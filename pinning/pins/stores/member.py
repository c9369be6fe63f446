"""One store of the STORES setting, with its circuit breaker and its log lines."""

import logging
import math
import time
from collections.abc import Callable
from typing import Any, TypeVar

from pinning import conf
from pinning.breaker import breaker_of
from pinning.exceptions import kind_and_text
from pinning.pins import Pins, Visitor
from pinning.pins.stores.base import Exchange, Loaded, Store

logger = logging.getLogger("pinning")

T = TypeVar("T")

#: After so long a save tries a store that rests: nothing else may keep the pins.
_SAVE_REST_SECONDS = 1.0


class Member:
    """A store with the name that logs use. After a failure it is left alone for RETRY_AFTER."""

    __slots__ = ("_breaker", "_is_complete", "_name", "_whole_at", "store")

    def __init__(self, name: str, store: Store) -> None:
        self.store = store
        self._name = name
        self._breaker = breaker_of("store", name)
        self._is_complete = True  # as it said in its last answer
        #: When every pin that it was seen not to take is over, by ``monotonic()``.
        self._whole_at = 0.0

    def load(self, visitor: Visitor) -> Loaded | None:
        """The store's answer, if it gives one. Without a name, a server has no pins."""
        if self.store.is_server_side and not visitor.identities:
            return Loaded(Pins())
        answers = self._attempt(self._load, visitor)
        if not answers:
            return None
        (loaded,) = answers
        self._note(is_complete=loaded.is_complete)
        if not loaded.takes_pins:
            settings = conf.settings()
            self._lacks_pins_for(max(settings.max_pin, settings.window))
        return Loaded(loaded.pins, loaded.is_complete and time.monotonic() >= self._whole_at)

    def save(self, visitor: Visitor, pins: Pins, exchange: Exchange | None) -> bool:
        """Whether the store took the pins.

        A server takes none of a visitor without a name, and a client none without a response. A
        server that failed to take pins lacks them: until they are over, that it finds none proves
        nothing to this process.
        """
        is_possible = visitor.identities if self.store.is_server_side else exchange is not None
        if not is_possible:
            return False
        arguments = (visitor, pins, exchange)
        is_saved = bool(
            self._attempt(self.store.save, *arguments, enough_seconds=_SAVE_REST_SECONDS)
        )
        if not is_saved and self.store.is_server_side:
            settings = conf.settings()
            self._lacks_pins_for(pins.lasts(window=settings.window, max_pin=settings.max_pin))
        return is_saved

    def _lacks_pins_for(self, seconds: float) -> None:
        self._whole_at = max(self._whole_at, time.monotonic() + seconds)

    def _attempt(
        self, action: Callable[..., T], *arguments: Any, enough_seconds: float = math.inf
    ) -> list[T]:
        """A list with what ``action`` returns; empty if the store is set aside, or fails now.

        Every error counts as a failure, because only the cache knows the errors of its client.
        """
        if not self._breaker.may_try(enough_seconds=enough_seconds):
            return []
        try:
            result = action(*arguments)
        except Exception as error:
            if self._breaker.set_aside(conf.settings().retry_after):
                told = kind_and_text(error)
                logger.warning("The %r store is left alone until it works: %s", self._name, told)
            return []
        if self._breaker.restore():
            logger.info("The %r store works again.", self._name)
        return [result]

    def _load(self, visitor: Visitor) -> Loaded:
        loaded: object = self.store.load(visitor)
        if isinstance(loaded, Loaded):
            return loaded
        raise TypeError(f"load() returned a {type(loaded).__name__} instead of Loaded(pins).")

    def _note(self, *, is_complete: bool) -> None:
        if is_complete and not self._is_complete:
            logger.info("The %r store is believed again.", self._name)
        elif self._is_complete and not is_complete:
            logger.warning(
                "The %r store is new, was emptied or takes no pins: for MAX_PIN only pins that it "
                "finds count.",
                self._name,
            )
        self._is_complete = is_complete
