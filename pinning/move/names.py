"""How a move is called: by its first model, and by the rows if it moves only some of them."""

import hashlib
from dataclasses import dataclass

#: Before the names of all tables, triggers and functions that a move makes.
PREFIX = "pinning_move"


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a move."""

    #: For people: ``shop.order`` or ``shop.order where region=eu``.
    title: str
    #: For databases: letters and digits, the same in all processes.
    code: str

    @classmethod
    def of(cls, label: str, where: str = "") -> "Name":
        """Take the label of the first model, and ``"field=value"``."""
        title = f"{label.lower()} where {where}" if where else label.lower()
        return cls(title, _hashed(title))

    def code_of(self, table: str) -> str:
        """What stands for one of its tables in names and in the log."""
        return _hashed(f"{self.code} {table}")


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
