"""The end of a move: it is taken back before the rows have left, or their old copies go."""

from django.db import IntegrityError

from pinning.move.copying import Tell, batches, differing
from pinning.move.errors import MoveError
from pinning.move.move import Move
from pinning.move.parts import Part
from pinning.move.records import DROPPED, LEFT, OPEN
from pinning.move.sides import Side
from pinning.move.values import read_keys


def abort(move: Move) -> None:
    """Take the move back: the source is as it was, and the copies are gone. Raises MoveError."""
    if move.phase in LEFT:
        raise MoveError(f"The rows of {move.name.title} have left: there is no way back.")
    if not (move.source.records.exists() or move.target.records.exists()):
        raise MoveError(f"There is no move of {move.name.title} to take back.")
    move.reopen()
    _stop_log(move.source, move)
    if move.target.records.exists():
        for part in reversed(move.parts):
            with (
                move.target.connection.constraint_checks_disabled(),
                move.target.records.passing(),
            ):
                _delete(part, move.target.alias)
    _forget(move.target, move)
    _forget(move.source, move)


def drop(move: Move, tell: Tell) -> None:
    """Delete the old rows, each after it was found in the target. May be interrupted.

    A row has to be equal there, or to have changed there since. Raises MoveError.
    """
    if move.phase == DROPPED:
        return
    if move.phase != OPEN:
        raise MoveError(f"The rows of {move.name.title} have not moved yet.")
    _stop_log(move.source, move)
    for part in reversed(move.parts):
        _drop_rows(move, part, tell)
    _stop_log(move.target, move)
    _forget(move.target, move)
    move.source.records.change("phase", OPEN, DROPPED)


def forget(move: Move) -> None:
    """Remove what refuses writes to the empty table, and what knows that there was a move."""
    if move.phase != DROPPED:
        raise MoveError(f"The old rows of {move.name.title} are still there: use --drop first.")
    _forget(move.source, move)


def _drop_rows(move: Move, part: Part, tell: Tell) -> None:
    """In several turns where rows refer to each other: those that others need wait for the next."""
    total = part.rows(move.source.alias).count()
    left = total
    while left:
        for rows in batches(part, move.source.alias):
            _verify(move, part, list(rows))
            try:
                with (
                    move.source.connection.constraint_checks_disabled(),
                    move.source.records.passing(),
                ):
                    _delete(part, move.source.alias, list(rows))
            except IntegrityError as error:
                reason = error
            tell(f"dropping {part.label}", total - part.rows(move.source.alias).count(), total)
        still = part.rows(move.source.alias).count()
        if still == left:
            raise MoveError(f"Other rows need {still} of {part.label}: {reason}")
        left = still


def _verify(move: Move, part: Part, keys: list[object]) -> None:
    pairs = (read_keys(part, side.alias, keys) for side in (move.source, move.target))
    wrong = differing(*pairs)
    unknown = set(wrong) - move.target.log.known(part, wrong)
    if unknown:
        raise MoveError(
            f"{part.label} {min(unknown)} is not in {move.target.alias!r} as it was here, and has "
            "not changed there since. Nothing of it was dropped."
        )


def _delete(part: Part, alias: str, keys: list[object] | None = None) -> None:
    rows = part.rows(alias)
    (rows if keys is None else rows.filter(pk__in=keys))._raw_delete(alias)


def _stop_log(side: Side, move: Move) -> None:
    for part in move.parts:
        side.dialect.remove(side.dialect.log_triggers(part), part)
    side.dialect.drop_log()


def _forget(side: Side, move: Move) -> None:
    if side.records.exists():
        for part in move.parts:
            side.dialect.remove(side.dialect.guards(part, ""), part)
        side.records.clear()
