"""Makes the rows of the target those of the source: all of them once, then those that changed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.db import IntegrityError

from pinning.exceptions import one_line
from pinning.move.errors import MoveError
from pinning.move.parts import Part
from pinning.move.sides import Side
from pinning.move.values import Checksum, Row, read, read_keys, text_of, write

#: So many rows are read and written at once.
BATCH = 500

#: Is told a part's label, how many rows are done, and how many there are.
Tell = Callable[[str, int, int], None]


class Copier:
    """Copies rows of the parts from one side to the other. Each step may be done again."""

    def __init__(self, parts: Sequence[Part], source: Side, target: Side, tell: Tell) -> None:
        self._parts, self._source, self._target, self._tell = parts, source, target, tell
        self._lately: dict[str, set[Any]] = {part.code: set() for part in parts}

    def copy(self) -> None:
        """Copy all rows, and go on behind the last one where an earlier run has ended."""
        for part in self._parts:
            total = part.rows(self._source.alias).count()
            done = part.rows(self._target.alias).count()
            last = self._target.records.get(f"copied {part.code}")
            after = None if last is None else part.key_of(last)
            for rows in batches(part, self._source.alias, after):
                self._add(part, rows)
                done += len(rows)
                self._tell(f"copying {part.label}", done, total)

    def catch_up(self) -> int:
        """Copy what the log names. Returns how many entries are done with.

        Rows that the target does not take yet, as they refer to one that it lacks, stay in the log.
        Raises MoveError if it takes none.
        """
        done, error = 0, None
        for page in self._source.log.pages(BATCH):
            left = set[tuple[str, str]]()
            for part in self._parts:
                keys = {each.key: part.key_of(each.key) for each in page if each.part == part.code}
                refused = self._sync(part, list(set(keys.values())))
                left |= {(part.code, text) for text, key in keys.items() if key in refused}
                error = next(iter(refused.values()), error)
            finished = [each.number for each in page if (each.part, each.key) not in left]
            self._source.log.remove(finished)
            done += len(finished)
        if error is not None and not done:
            raise MoveError(
                f"{self._target.alias!r} does not take a row: {one_line(error)}"
            ) from error
        return done

    def compare(self, part: Part) -> tuple[Checksum, Checksum]:
        """Compare all rows of a part, and copy those again that differ. The sums of both sides.

        Raises MoveError for a row that still differs and has not changed meanwhile.
        """
        sums = Checksum(), Checksum()
        total, done = part.rows(self._source.alias).count(), 0
        self._lately[part.code] = set()
        for rows in batches(part, self._source.alias):
            copies = read_keys(part, self._target.alias, rows)
            if wrong := differing(rows, copies):
                self._repair(part, list(wrong), rows, copies)
            sums[0].add(rows.values())
            sums[1].add(copies.values())
            done += len(rows)
            self._tell(f"comparing {part.label}", done, total)
        return sums

    def compare_lately(self, part: Part) -> None:
        """Compare the rows that ``catch_up`` has copied since ``compare``. Raises MoveError."""
        keys = list(self._lately[part.code])
        for start in range(0, len(keys), BATCH):
            some = keys[start : start + BATCH]
            pairs = (read_keys(part, side.alias, some) for side in (self._source, self._target))
            for key, pair in differing(*pairs).items():
                raise MoveError(_difference(part, key, *pair))

    def check_keys(self) -> None:
        """Let the target check its foreign keys. Raises IntegrityError."""
        tables = [part.table for part in self._parts]
        self._target.connection.check_constraints(table_names=tables)

    def _repair(
        self, part: Part, keys: list[Any], rows: dict[Any, Row], copies: dict[Any, Row]
    ) -> None:
        """Copy rows again, and put what both sides have then into ``rows`` and ``copies``."""
        self._sync(part, keys)
        for side, found in ((self._source, rows), (self._target, copies)):
            for key in keys:
                found.pop(key, None)
            found.update(read_keys(part, side.alias, keys))
        wrong = differing(rows, copies)
        known = self._source.log.known(part, wrong)
        for key, pair in wrong.items():
            if key not in known:
                raise MoveError(_difference(part, key, *pair))

    def _sync(self, part: Part, keys: Sequence[Any]) -> dict[Any, IntegrityError]:
        """Make the target's rows with these keys what the source has now.

        Returns those that the target refuses, each by itself, with its error.
        """
        if not keys:
            return {}
        try:
            self._replace(part, keys, read_keys(part, self._source.alias, keys))
        except IntegrityError as error:
            if len(keys) == 1:
                return {keys[0]: error}
            half = len(keys) // 2
            return self._sync(part, keys[:half]) | self._sync(part, keys[half:])
        self._lately[part.code].update(keys)
        return {}

    def _add(self, part: Part, rows: dict[Any, Row]) -> None:
        """Write rows to the target, and remember the last key.

        Rows that are refused, as they refer to one that comes later, are noted in the log.
        """
        last = str(list(rows)[-1])
        try:
            self._replace(part, rows, rows, last)
        except IntegrityError:
            refused = self._sync(part, list(rows))
            self._source.log.add(part, refused)
            self._target.records.put(f"copied {part.code}", last)

    def _replace(
        self, part: Part, keys: Iterable[Any], rows: dict[Any, Row], last: str | None = None
    ) -> None:
        target = self._target
        with target.connection.constraint_checks_disabled(), target.records.passing():
            part.rows(target.alias).filter(pk__in=list(keys))._raw_delete(target.alias)
            write(part, target.alias, rows.values())
            if last is not None:
                target.records.put(f"copied {part.code}", last)


def batches(part: Part, alias: str, after: Any = None) -> Iterator[dict[Any, Row]]:
    """All rows of a part, by their keys and in the order of these, behind ``after``."""
    name = part.key.attname
    while True:
        rows = part.rows(alias).order_by(name)
        if after is not None:
            rows = rows.filter(**{f"{name}__gt": after})
        found = read(part, rows[:BATCH])
        if not found:
            return
        after = list(found)[-1]
        yield found


def differing(
    rows: dict[Any, Row], copies: dict[Any, Row]
) -> dict[Any, tuple[Row | None, Row | None]]:
    """The rows that are not the same on both sides, by their keys."""
    keys = dict.fromkeys([*rows, *copies])
    pairs = {key: (rows.get(key), copies.get(key)) for key in keys}
    return {key: pair for key, pair in pairs.items() if not _are_equal(*pair)}


def _are_equal(one: Row | None, other: Row | None) -> bool:
    return one is not None and other is not None and text_of(one) == text_of(other)


def _difference(part: Part, key: Any, one: Row | None, other: Row | None) -> str:
    if one is None or other is None:
        where = "target" if one is None else "source"
        return f"{part.label} {key} is in the {where} alone."
    texts = zip(part.fields, text_of(one), text_of(other), strict=True)
    field, old, new = next(each for each in texts if each[1] != each[2])
    return (
        f"{part.label} {key} is not the same in the target: {field.name} was {old[:60]!r} and is "
        f"{new[:60]!r}."
    )
