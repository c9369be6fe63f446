"""The base class of stores: a store loads pins and saves them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from django.http import HttpRequest, HttpResponseBase

from pinning.pins import Pins, Visitor

#: A name that no visitor has: theirs are hashes.
_NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and the response to it, whose headers can still be set.

    ``written`` are the clusters to which the request has committed. If their pins have positions,
    these are past all that the client had been told of before.
    """

    request: HttpRequest
    response: HttpResponseBase
    written: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a store knows of a visitor. Its pins count in any case.

    ``is_complete`` is False if there may have been more pins that still hold: the server is new or
    has lost its memory, less time ago than a pin may last. Then no pin proves that there is none.
    ``takes_pins`` is False if the server refuses pins now: those of others may be missing for as
    long as pins last.
    """

    pins: Pins
    is_complete: bool = True
    takes_pins: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How a store is, for people.

    ``is_complete`` is that of ``Loaded``. ``young_seconds`` tells for how long it is not believed
    yet, if that is known. ``policy`` says what the server does when its memory is full, and
    ``evicts`` whether pins may go then.
    """

    is_complete: bool = True
    young_seconds: float | None = None
    policy: str = ""
    evicts: bool = False


class Store(ABC):
    """Where pins live between scopes.

    A store never raises because of what it finds stored, only when it cannot be reached. It is then
    skipped, logged, and left alone for RETRY_AFTER.
    """

    #: Whether it keeps pins on a server, under the visitor's identities.
    is_server_side: ClassVar[bool] = True

    @abstractmethod
    def load(self, visitor: Visitor) -> Loaded:
        """The pins of the visitor that may still hold, and whether these are all."""

    @abstractmethod
    def save(self, visitor: Visitor, pins: Pins, exchange: Exchange | None) -> None:
        """Merge ``pins`` with what is stored. Lower nothing; keep pins for as long as they last.

        ``exchange`` is None if there is no response on which headers can still be set.
        """

    def condition(self) -> Condition:
        """How the store is: for ``pinning_status``. Raises when it cannot be reached."""
        if not self.is_server_side:
            return Condition()
        nobody = Visitor(cookies={}, identities=(_NOBODY,))
        return Condition(is_complete=self.load(nobody).is_complete)
