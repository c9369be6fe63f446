"""One thing that somebody has to look after."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong with an alias or a store, and what to do. ``docs/checks.md`` lists the ids."""

    id: str
    #: The alias of a database, or the name of a store.
    about: str
    what: str
    hint: str

    @property
    def level(self) -> Literal["error", "warning"]:
        """How bad it is: the letter of the id says it."""
        return "error" if self.id.startswith("pinning.E") else "warning"
