"""The open transaction of a connection to a primary: which scopes have written in it."""

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pinning import conf
from pinning.databases import is_in_transaction, is_tests_own, state_of
from pinning.scopes.scope import Scope
from pinning.scopes.written import NO_WRITES, Write, count


class Transaction:
    """One transaction, from where it begins to where it is committed or rolled back.

    Each transaction has an object of its own, so that two in a row can be told apart.
    """

    __slots__ = ("_writers", "is_seen")

    def __init__(self) -> None:
        #: What each scope has written, by the savepoints whose rollback undoes it. None stands for
        #: work outside of scopes.
        self._writers: dict[frozenset[str], dict[Scope | None, dict[Write, int]]] = {}
        #: Whether all its writes were statements of this connection. ``mark_written`` tells of
        #: writes that may have been made anywhere.
        self.is_seen = True

    def has_written(self) -> bool:
        """Whether something was written that is not rolled back."""
        return bool(self._writers)

    def has_written_in(self, scope: Scope) -> bool:
        """Whether ``scope``, or a scope inside it, wrote something that is not rolled back."""
        return any(
            writer is not None and writer.lies_in(scope)
            for writers in self._writers.values()
            for writer in writers
        )

    def note(self, scope: Scope | None, savepoints: frozenset[str], write: Write | None) -> None:
        """Note a write by ``scope``, if it was in one, while ``savepoints`` are open.

        Without ``write`` it was counted already.

        A savepoint that was released since cannot be rolled back alone any more: it is forgotten,
        and a scope never has more entries than savepoints that are open, and one.
        """
        around = scope
        while around is not None:
            around.began_to_write = True
            around = around.parent
        for released in [sids for sids in list(self._writers) if not sids <= savepoints]:
            kept = self._writers.setdefault(released & savepoints, {})
            for writer, writes in self._writers.pop(released).items():
                count(kept.setdefault(writer, {}), writes)
        writes = self._writers.setdefault(savepoints, {}).setdefault(scope, {})
        if write is not None:
            count(writes, {write: 1})

    def roll_back_to(self, savepoint: str) -> None:
        """Forget what was written since ``savepoint``."""
        self._writers = {
            sids: writers for sids, writers in self._writers.items() if savepoint not in sids
        }

    def roll_back(self) -> None:
        """Forget all that was written."""
        self._writers = {}

    def listeners(self, committer: Scope | None) -> dict[Scope, dict[Write, int]]:
        """The scopes to tell of a commit by ``committer``, those that have written, and what.

        Who commits what was written outside of scopes, or in one that has ended, is told as well.
        It counts for that scope if no other counts it.
        """
        found: dict[Scope, dict[Write, int]] = {}
        entries = (entry for writers in self._writers.values() for entry in writers.items())
        for writer, writes in entries:
            if writer is not None:
                count(found.setdefault(writer, {}), writes)
            if committer is not None and (writer is None or writer.is_closed):
                is_counted = _is_open_around(writer)
                count(found.setdefault(committer, {}), NO_WRITES if is_counted else writes)
        return found

    def tell_listeners(self, committer: Scope | None) -> dict[Scope, dict[Write, int]]:
        """The same, of what may be committed. All are told again when it surely is."""
        listeners = self.listeners(committer)
        self._writers = {
            sids: {writer: {} for writer in writers} for sids, writers in self._writers.items()
        }
        return listeners

    def take_listeners(self, committer: Scope | None) -> dict[Scope, dict[Write, int]]:
        """The same, and forget who has written: each is told of a commit once."""
        listeners = self.listeners(committer)
        self._writers = {}
        return listeners


def _is_open_around(scope: Scope | None) -> bool:
    """Whether a scope around ``scope`` is open, which counts what that wrote."""
    while scope is not None and scope.is_closed:
        scope = scope.parent
    return scope is not None


def begin(connection: BaseDatabaseWrapper) -> Transaction:
    """The transaction that begins now on ``connection``.

    It takes over what was written and neither committed nor rolled back as far as we were told: a
    driver may refuse to begin another transaction, or go on with the one that is open.
    """
    state, transaction = state_of(connection), Transaction()
    if state.transaction is not None and state.transaction.has_written():
        transaction._writers = state.transaction._writers
        transaction.is_seen = state.transaction.is_seen
    state.transaction = transaction
    return transaction


def transaction_of(connection: BaseDatabaseWrapper) -> Transaction:
    """The transaction that is open on ``connection``."""
    transaction: Transaction | None = state_of(connection).transaction
    return begin(connection) if transaction is None else transaction


def uncommitted(scope: Scope) -> list[str]:
    """The clusters to which ``scope`` has written in a transaction of this thread that is open.

    That of a TestCase does not count: it is never committed.
    """
    if not scope.began_to_write:
        return []
    primaries = [connections[name] for name in conf.settings().replicas]
    return [
        connection.alias
        for connection in primaries
        if is_in_transaction(connection)
        and transaction_of(connection).has_written_in(scope)
        and not is_tests_own(connection)
    ]
