"""Pins record that a client wrote: what they hold, whose they are, how they are signed and kept."""

from pinning.pins import cookies, identity, identity_rule, room, signing
from pinning.pins.identity import Visitor
from pinning.pins.identity_rule import default_identity
from pinning.pins.pin import Pin, Pins, Position, held
from pinning.pins.session import is_session_at_hand, is_session_loaded, signed_in
from pinning.pins.users import NOBODY, ResolvedUsers, id_of, is_open

__all__ = [
    "NOBODY",
    "Pin",
    "Pins",
    "Position",
    "ResolvedUsers",
    "Visitor",
    "cookies",
    "default_identity",
    "held",
    "id_of",
    "identity",
    "identity_rule",
    "is_open",
    "is_session_at_hand",
    "is_session_loaded",
    "room",
    "signed_in",
    "signing",
]
