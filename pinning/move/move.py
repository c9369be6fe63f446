"""The steps of a move. Each may be interrupted at any moment, and begins again where it has to.

While rows are copied, triggers of the source write the keys of changed rows to a log, in the
transaction that changes them. Then other triggers of the source refuse writes, the last changes
are copied, and the source tells that its rows have left. When the triggers go that refuse writes to
the target, no answer that ``moved`` has given before holds any more. So at no moment do two places
take writes, and nobody reads old rows.
"""

import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from django.db import IntegrityError

from pinning.conf import Cluster
from pinning.move.copying import Copier, Tell
from pinning.move.dialects import Dialect
from pinning.move.errors import MoveError
from pinning.move.lease import LEASE_SECONDS
from pinning.move.names import Name
from pinning.move.parts import Part
from pinning.move.records import CLOSED, COPYING, LEFT, MOVED, OPEN, phase_of
from pinning.move.replicas import wait_for_replicas
from pinning.move.sides import Side
from pinning.move.values import Checksum

#: The wait is longer than the lease, as a read takes a moment from the router to the database.
_MARGIN_SECONDS = 1.0
#: The source is closed when so few changes are left to copy.
_FEW = 200
_ROUNDS = 1000
#: How long the target's replicas are waited for: with the source open, and with it closed.
_PATIENT_SECONDS, _CLOSED_SECONDS = 600.0, 30.0
#: How long those of the source are waited for, which have to know that the rows have left.
_FORMER_SECONDS = 5.0
#: If the rows were compared in this time, they are compared again while the source is closed.
_QUICK_SECONDS = 5.0


class Move:
    """The move of ``parts`` from one cluster to another. ``say`` is told each step, for people."""

    def __init__(
        self,
        name: Name,
        parts: Sequence[Part],
        source: Cluster,
        target: Cluster,
        *,
        say: Callable[[str], object],
        tell: Tell,
    ) -> None:
        self.name, self.parts, self._say = name, parts, say
        self.clusters = source, target
        self.source, self.target = (Side.of(each.primary, name) for each in (source, target))
        self._copier = Copier(parts, self.source, self.target, tell)

    @property
    def phase(self) -> str | None:
        """How far it is. None: it has not begun."""
        return phase_of(self.source.connection, self.name)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A block in which no other command works on this move. Raises MoveError."""
        if not self.source.dialect.lock():
            raise MoveError(f"Another command moves {self.name.title} just now.")
        try:
            yield
        finally:
            self.source.dialect.unlock()

    def check(self) -> None:
        """Raise MoveError if what has begun is not this move."""
        for side in (self.source, self.target):
            begun = side.records.get("what") if side.records.exists() else None
            if begun not in (None, self._what):
                raise MoveError(f"What has begun is the move of {begun}, and not of {self._what}.")

    def run(self, *, is_offline: bool = False) -> None:
        """Do what is left. Where it fails the source takes writes as before. Raises MoveError."""
        if self.phase not in LEFT:
            self._copy()
            self._switch()
        if self.phase == MOVED:
            self._open(is_offline=is_offline)

    def reopen(self) -> None:
        """Let the source take writes again, unless its rows have left."""
        if self.phase in LEFT:
            return
        if self.phase == CLOSED and not self.source.records.change("phase", CLOSED, COPYING):
            return
        for part in self.parts:
            self._unguard(self.source.dialect, part)

    def _copy(self) -> None:
        self._prepare()
        self._say("Copying. The site reads and writes as before.")
        self._copier.copy()
        self._catch_up()
        for left in range(4, -1, -1):
            try:
                self._copier.check_keys()
                break
            except IntegrityError as error:
                if not left:
                    raise MoveError(
                        f"A key of {self.target.alias!r} leads nowhere: {error}"
                    ) from error
                self._catch_up()

    def _prepare(self) -> None:
        """Refuse writes to the target, and log those to the source, in this order."""
        self.target.records.create(self.target.dialect.table_suffix)
        self.source.records.create(self.source.dialect.table_suffix)
        self.reopen()
        self._begin()
        text = f"The rows of {self.name.title} are not here yet: pinning_move opens the table."
        for part in self.parts:
            self.target.dialect.install(self.target.dialect.guards(part, text))
        self._log_changes(self.source)
        if self.phase is None:
            self.source.records.put("phase", COPYING)

    def _begin(self) -> None:
        """Note what moves and where to, on both sides, before anything is copied."""
        if not self.target.records.exists():
            for part in self.parts:
                if part.rows(self.target.alias).exists():
                    raise MoveError(f"{part.table} of {self.target.alias!r} has such rows already.")
        for side in (self.source, self.target):
            side.records.put("what", self._what)
            side.records.put("asked", self._asked)
            side.records.put("source", self.source.alias)

    @property
    def _what(self) -> str:
        tables = ", ".join(sorted(part.table for part in self.parts))
        return f"{tables} from {self.source.alias} to {self.target.alias}"

    @property
    def _asked(self) -> str:
        """The words of the command that would ask for the same move."""
        label, _, where = self.name.title.partition(" where ")
        labels = [part.label for part in self.parts if not part.model._meta.auto_created]
        labels.sort(key=lambda each: (each.lower() != label, each))  # the first names the move
        words = [*labels, "--to", self.target.alias, *(["--where", where] if where else [])]
        return shlex.join(words)

    def _log_changes(self, side: Side) -> None:
        side.dialect.create_log()
        for part in self.parts:
            side.dialect.install(side.dialect.log_triggers(part))

    def _catch_up(self) -> None:
        """Copy changes until few are left at once."""
        for _ in range(_ROUNDS):
            if self._copier.catch_up() <= _FEW:
                return
        raise MoveError("The site changes rows faster than they can be copied.")

    def _switch(self) -> None:
        began = time.monotonic()
        self._compare_all()
        is_quick = time.monotonic() - began < _QUICK_SECONDS
        self._catch_up()
        self._say(f"Waiting for the replicas of {self.target.alias!r}.")
        wait_for_replicas(self.clusters[1], _PATIENT_SECONDS)
        self._catch_up()
        closed_at = time.monotonic()
        try:
            self._close()
            self._finish(is_quick=is_quick)
            if not self.source.records.change("phase", CLOSED, MOVED):
                raise MoveError("Somebody else has changed this move.")
        except BaseException:
            self._say("That failed: the source takes writes again.")
            self.reopen()
            raise
        seconds = time.monotonic() - closed_at
        self._say(f"The rows have moved. The source was closed for {seconds:.1f} s until then.")

    def _compare_all(self) -> None:
        for part in self.parts:
            self._copier.compare(part)

    def _close(self) -> None:
        """Refuse writes to the source. Then no earlier transaction writes any more."""
        dialect = self.source.dialect
        expected = {name for part in self.parts for name in dialect.log_triggers(part)}
        if missing := expected - dialect.existing():
            raise MoveError(f"Triggers are gone: {', '.join(sorted(missing))}. Was it a migration?")
        self._say("Closing the source.")
        text = f"The rows of {self.name.title} move to {self.target.alias!r}: no writes here."
        for part in self.parts:
            dialect.install(dialect.guards(part, text))
        if not self.source.records.change("phase", COPYING, CLOSED):
            raise MoveError("Somebody else has changed this move.")

    def _finish(self, *, is_quick: bool) -> None:
        """Copy the last changes, compare, and let the replicas have them."""
        while not self.source.log.is_empty():
            self._copier.catch_up()
        for part in self.parts:
            self._check_part(part, is_quick=is_quick)
            number = self.source.dialect.next_number(part)
            if number is not None:
                self.target.dialect.skip_to(part, number)
        wait_for_replicas(self.clusters[1], _CLOSED_SECONDS)

    def _check_part(self, part: Part, *, is_quick: bool) -> None:
        counts = [part.rows(side.alias).count() for side in (self.source, self.target)]
        if counts[0] != counts[1]:
            raise MoveError(f"{part.label} has {counts[0]} rows, and {counts[1]} were copied.")
        told = ""
        self._copier.compare_lately(part)
        if is_quick:
            sums: tuple[Checksum, Checksum] = self._copier.compare(part)
            if str(sums[0]) != str(sums[1]):
                raise MoveError(f"The checksums of {part.label} differ: {sums[0]} and {sums[1]}.")
            told = f", checksum {sums[0]} on both sides"
        self._say(f"{part.label}: {counts[0]:,} rows{told}.")

    def _open(self, *, is_offline: bool) -> None:
        """Let the target take writes, once no process looks for the rows in the source."""
        with suppress(MoveError):  # a failover there must not bring the old state back
            wait_for_replicas(self.clusters[0], _FORMER_SECONDS)
        if not is_offline:
            time.sleep(LEASE_SECONDS + _MARGIN_SECONDS)
        self._log_changes(self.target)
        for part in self.parts:
            self._unguard(self.target.dialect, part)
        self.source.records.change("phase", MOVED, OPEN)
        self._say(f"{self.target.alias!r} takes writes.")

    @staticmethod
    def _unguard(dialect: Dialect, part: Part) -> None:
        dialect.remove(dialect.guards(part, ""), part)
