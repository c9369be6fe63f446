"""Passes: what opens the views, signed with SECRET_KEY by the command for one run."""

import secrets
from dataclasses import dataclass
from typing import Any, Self

from django.core import signing

#: The header that carries it. A page of another site cannot send it, so nothing else is needed
#: against forged requests.
HEADER = "X-Pinning-Verify"

_SALT = "pinning.verify"

#: Web machines' clocks may be wrong by hours, and a run may take hours.
_LASTS_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Pass:
    """One run, and how many sessions it may have."""

    run: str
    sessions: int

    @classmethod
    def new(cls, sessions: int) -> Self:
        """For a new run."""
        return cls(secrets.token_hex(6), sessions)

    def sign(self) -> str:
        """As the header's value."""
        return signing.dumps([self.run, self.sessions], salt=_SALT)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """What ``sign`` made; None from anything else, or if it is too old."""
        try:
            raw: Any = signing.loads(text, salt=_SALT, max_age=_LASTS_SECONDS)
        except (signing.BadSignature, ValueError):
            return None
        return cls(*raw)
