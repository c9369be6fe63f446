"""Histories: what each client sent and got, kept as JSON lines so that they can be judged again."""

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Literal, Self

#: The status of a request that nobody answered.
NO_ANSWER = 0


class HistoryError(ValueError):
    """A history that cannot be read. The message has the line's number."""


class Kind(StrEnum):
    """What a client did."""

    WRITE = "write"
    READ = "read"
    LOGIN = "login"
    LOGOUT = "logout"
    LOST = "lost"  # nobody's request: from then on the primary itself has no more than ``value``


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One request, or the loss of a write with its primary.

    ``sent`` and ``answered`` are in seconds of one monotonic clock: before the request was made up,
    cookies and all, and after its answer and cookies had arrived, or nobody had answered.
    ``session`` is whose value it is, and ``client`` which of the session's clients did it. Nobody
    else writes that value, and each write's ``value`` is larger than all before. A read's is what
    it saw, 0 for nothing, and ``least`` what it must have seen whatever its client knew: what the
    same request had written before. A failed write's is what it was to write, or None if
    that is not known. ``way`` is the name of how it was done. ``alias`` and ``reason`` tell
    which database was read, and why.
    """

    kind: Kind
    session: str
    client: str
    sent: float
    answered: float
    status: int = 200
    value: int | None = None
    least: int = 0
    way: str = ""
    alias: str = ""
    reason: str = ""

    @property
    def is_answered(self) -> bool:
        """Whether it did what was asked. If not, a write may have been done or not."""
        return self.status == 200

    def to_line(self) -> str:
        """As one line of JSON, without its end."""
        return json.dumps({name: getattr(self, name) for name in _DEFAULTS})

    @classmethod
    def from_line(cls, line: str) -> Self:
        """What ``to_line`` made. Raises HistoryError, which says what is wrong."""
        try:
            raw = json.loads(line)
        except ValueError as error:
            raise HistoryError(f"no JSON: {error}") from error
        if not isinstance(raw, dict):
            raise HistoryError("no JSON object")
        for name in raw.keys() ^ _DEFAULTS.keys():
            if name in raw:
                raise HistoryError(f"{name!r} is no field of an operation")
            if _DEFAULTS[name] is MISSING:
                raise HistoryError(f"{name!r} is missing")
        return cls(**_checked({**_DEFAULTS, **raw}))


def write_history(path: Path, operations: Iterable[Operation]) -> None:
    """Write them to a new file, one line each, compressed if its name ends with ``.gz``."""
    write_lines(path, (operation.to_line() for operation in operations))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a new file; as above, but whatever the lines are."""
    with _open(path, "wt") as file:
        file.writelines(f"{line}\n" for line in lines)


def read_history(path: Path) -> Iterator[Operation]:
    """The operations of a file. Raises HistoryError with the line's number, and OSError."""
    with _open(path, "rt") as file:
        number = 1
        try:
            for line in file:
                yield Operation.from_line(line)
                number += 1
        except (HistoryError, EOFError, zlib.error) as error:
            raise HistoryError(f"{path}, line {number}: {error}") from error


def _open(path: Path, mode: Literal["wt", "rt"]) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, mode, encoding="utf-8", errors="replace")
    return path.open(mode, encoding="utf-8", errors="replace")


_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Operation)}


def _checked(raw: dict[str, Any]) -> dict[str, Any]:
    """The fields with their types. Raises HistoryError."""
    try:
        raw["kind"] = Kind(raw["kind"])
    except ValueError:
        raise HistoryError(f"'kind' is {raw['kind']!r}, none of {', '.join(Kind)}") from None
    for name, types in _TYPES.items():
        if not isinstance(raw[name], types) or isinstance(raw[name], bool):
            raise HistoryError(f"{name!r} is {raw[name]!r}")
    if not raw["sent"] <= raw["answered"]:
        raise HistoryError("it was answered before it was sent")
    if raw["value"] is None and raw["status"] == 200 and raw["kind"] in _WITH_VALUE:
        raise HistoryError(f"a {raw['kind']} without a 'value'")
    return raw


_WITH_VALUE = {Kind.WRITE, Kind.READ, Kind.LOST}
_TYPES: dict[str, tuple[type, ...]] = {
    "session": (str,),
    "client": (str,),
    "sent": (float, int),
    "answered": (float, int),
    "status": (int,),
    "value": (int, type(None)),
    "least": (int,),
    "way": (str,),
    "alias": (str,),
    "reason": (str,),
}
