"""What every store can do: load pins, save them, and tidy up what it cannot read."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from django.http import HttpRequest, HttpResponseBase

from pinning.pins import Pins, Visitor


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and the response to it, whose headers can still be set."""

    request: HttpRequest
    response: HttpResponseBase


class YoungMemoryError(Exception):
    """A server that lost its memory has not been up for as long as a pin may last.

    Then an empty answer proves nothing; the store is asked again at the next request.
    """


class Store(ABC):
    """Where pins live between scopes.

    A store never raises for what it finds stored, only when it cannot be reached; it is then
    skipped, reported, and left alone for RETRY_AFTER.
    """

    #: Whether it files pins under the visitor's identities, on a server of ours.
    is_server_side: ClassVar[bool] = True

    @abstractmethod
    def load(self, visitor: Visitor) -> Pins:
        """All pins that were saved for the visitor and may still hold."""

    @abstractmethod
    def save(self, visitor: Visitor, pins: Pins, exchange: Exchange | None) -> None:
        """Add ``pins`` to what is stored: merged, never lowered, kept for as long as they last.

        There is no ``exchange`` where no response is left to set headers on.
        """

    def tidy(self, visitor: Visitor, exchange: Exchange) -> None:  # noqa: B027
        """Remove what ``load`` found to be broken or over. Nothing, for most.

        Must not wait: it may run on the event loop.
        """
