"""Passes: what opens the views, signed with SECRET_KEY by the command for one run on one site."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from django.core import signing

#: The header that carries it. A page of another site cannot send it, so nothing else is needed
#: against forged requests.
HEADER = "X-Pinning-Verify"

_SALT = "pinning.verify"


@dataclass(frozen=True, slots=True)
class Pass:
    """One run, how many sessions it may have, at which hosts, and for how long, in seconds."""

    run: str
    sessions: int
    hosts: tuple[str, ...]
    lasts_seconds: float

    @classmethod
    def new(cls, sessions: int, *, hosts: Sequence[str], lasts_seconds: float) -> Self:
        """For a new run. ``hosts`` are names or addresses, without ports and in small letters."""
        return cls(secrets.token_hex(6), sessions, tuple(hosts), lasts_seconds)

    def sign(self) -> str:
        """As the header's value."""
        facts = [self.run, self.sessions, self.hosts, self.lasts_seconds]
        return signing.dumps(facts, salt=_SALT)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """What ``sign`` made; None from anything else, or if it is too old."""
        try:
            raw: Any = signing.loads(text, salt=_SALT)
            run, sessions, hosts, lasts_seconds = raw
            signing.loads(text, salt=_SALT, max_age=lasts_seconds)
        except (signing.BadSignature, ValueError):
            return None
        return cls(run, sessions, tuple(hosts), lasts_seconds)
