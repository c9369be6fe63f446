"""What a statement may do, by its first word."""

from collections.abc import Callable, Sequence
from itertools import dropwhile, groupby
from typing import Final, NamedTuple

from pinning.databases.suspects import is_lock, is_mark, is_write
from pinning.databases.tokens import Token

Tokens = Sequence[Token]


class Statement(NamedTuple):
    """What a statement may do, as far as its text tells. An answer is no only if that is sure."""

    #: Whether it may change data. A function that writes when it is selected
    #: (``SELECT create_order()``) looks like any other: code that selects one must call
    #: ``mark_written()``.
    writes: bool = False
    #: Whether it may leave on its session what a later query there sees: a setting, a seed, a
    #: user variable, a lock, a temporary table, a prepared statement, a cursor, a transaction.
    marks: bool = False
    #: Whether it may lock rows that it reads, a table, or something by a name of its own.
    locks: bool = False
    #: Whether it may change which rows its session shows afterwards: the tenant, the role, the
    #: schema. A function of the project's that does so looks like any other.
    changes_session: bool = False
    #: The table that a plain INSERT, UPDATE or DELETE writes to; None if that is not certain. A
    #: name with a schema in front is not: several schemas may have a table of that name.
    table: str | None = None
    #: Its first word; "" if that is not certain.
    word: str = ""
    #: Whether it begins a transaction (True) or ends the one that is open (False). None if it does
    #: neither, apart from what ``commits`` tells.
    opens: bool | None = None
    #: Whether it locks or unlocks by its own words, like FOR UPDATE, or by a function of the
    #: server's. What else ``locks`` tells of is a function that is not known.
    names_lock: bool = False
    #: Whether it may turn MySQL's autocommit on or off.
    sets_autocommit: bool = False
    #: The first words of several statements in one text. Of a single one there is ``word``.
    words: frozenset[str] = frozenset()

    @property
    def is_query(self) -> bool:
        """Whether it only asks: it neither writes nor leaves a mark."""
        return not (self.writes or self.marks)

    @property
    def is_plain_select(self) -> bool:
        """Whether it is a SELECT that only asks and locks nothing, as most statements are."""
        return self.word == "select" and not (self.writes or self.marks or self.locks)

    @property
    def may_show_rows(self) -> bool:
        """Whether it may be a query of a table: it begins as one, or with what is not certain."""
        return not self.word or self.word in _QUERIES

    def commits(self, can_rollback_ddl: bool) -> bool:
        """Whether it may commit the open transaction, by itself or, in MySQL, implicitly."""
        words = self.words or {self.word}
        is_set = "set" in words and (self.writes or self.sets_autocommit)
        by_the_way = not can_rollback_ddl and (is_set or not words.isdisjoint(_COMMITS_BY_THE_WAY))
        is_unsure = self.writes and "" in words
        return by_the_way or is_unsure or not words.isdisjoint({"commit", "end"})

    def ends(self, can_rollback_ddl: bool) -> bool:
        """Whether nothing is open any more once it runs, even if it fails."""
        is_sure = self.word and not self.words and self.word not in _COMMIT_PERHAPS
        return self.opens is False or bool(is_sure and self.commits(can_rollback_ddl))


UNSURE: Final = Statement(writes=True, marks=True, locks=True, changes_session=True)

# "Statements That Cause an Implicit Commit" in MySQL's manual, and statements that may run those.
_COMMITS_BY_THE_WAY = frozenset(
    {
        *("alter", "create", "drop", "rename", "truncate", "grant", "revoke", "install"),
        *("begin", "start", "lock", "unlock", "analyze", "optimize", "repair", "check"),
        *("cache", "change", "flush", "load", "reset", "stop", "uninstall"),
        *("call", "execute"),
    }
)

# Those of them that commit by what they run, or not at all.
_COMMIT_PERHAPS = frozenset({"call", "execute", "load"})

_ABOUT_TRANSACTIONS = frozenset({"begin", "start", "commit", "end", "rollback", "abort"})

_QUERIES = frozenset({"select", "with", "values", "table"})

# What END ends in a routine's body, if it is no block.
_ENDED_OTHERWISE = frozenset({"if", "loop", "while", "repeat", "for"})

# What stands between EXPLAIN and its query.
_OPTIONS_WORDS = """
    analyze analyse verbose costs settings generic_plan buffers serialize wal timing summary
    memory format text xml json yaml traditional tree on off true false none binary extended
    partitions query plan
    """
_OPTIONS = frozenset(_OPTIONS_WORDS.split())

_TRANSACTION_WORDS = """
    work transaction tran isolation level serializable repeatable read committed uncommitted only
    write not deferrable deferred immediate exclusive concurrent with consistent snapshot
    """
_TRANSACTION = frozenset(_TRANSACTION_WORDS.split())


def rule_of(word: str) -> Callable[[Tokens], Statement]:
    """The rule for statements whose first word is ``word``."""
    return _RULES.get(word, _anything)


def words_of_several(tokens: Tokens) -> frozenset[str]:
    """With what several statements begin, those in a block too. "" is what is no word."""
    begins = [True, *(token.is_sign(";") for token in tokens)]
    firsts = [token for token, is_first in zip(tokens, begins, strict=False) if is_first]
    signs = (token for token in firsts if not token.is_sign(";"))
    return frozenset(token.text if token.is_word else "" for token in signs)


def opens_of_several(tokens: Tokens) -> bool | None:
    """What several statements leave open, as ``Statement.opens``: the last that tells counts.

    BEGIN and END of a block, as a routine has, tell nothing of transactions.
    """
    parts = groupby(tokens, key=lambda token: token.is_sign(";"))
    statements = _outside_blocks([list(part) for is_end, part in parts if not is_end])
    words = ((each[0].text, each) for each in statements if each[0].is_word)
    told = (_RULES[word](each).opens for word, each in words if word in _ABOUT_TRANSACTIONS)
    return next(reversed([opens for opens in told if opens is not None]), None)


def _outside_blocks(statements: list[list[Token]]) -> list[list[Token]]:
    """Those that stand in no block. All of them if one has no end: BEGIN may be a column's name."""
    outside, depth = [], 0
    for each in statements:
        is_inside = depth > 0
        depth = _depth_after(each, depth)
        if not (is_inside or depth):
            outside.append(each)
    return statements if depth else outside


def _depth_after(tokens: Tokens, depth: int) -> int:
    """In how many blocks what follows a statement stands, if the statement stands in ``depth``.

    That is MariaDB's BEGIN NOT ATOMIC, or the body of a routine. CASE has an END, too.
    """
    begins_transaction = depth == 0 and tokens[0].text == "begin" and _begin(tokens).opens
    words = ["", *(token.text if token.is_word else "" for token in tokens), ""]
    for before, word, after in zip(words, words[1:], words[2:], strict=False):
        if word == "end" and after not in _ENDED_OTHERWISE:
            depth = max(0, depth - 1)
        elif (word == "begin" and not begins_transaction) or (word == "case" and depth):
            depth += before != "end"
    return depth


def _anything(_: Tokens) -> Statement:
    return UNSURE


def _query(tokens: Tokens) -> Statement:
    """SELECT and the like. One that writes, as within WITH, may do all else as well."""
    places = range(1, len(tokens))
    if any(is_write(tokens, place) for place in places):
        return UNSURE
    marks = any(is_mark(tokens, place) for place in places)
    names_lock = any(is_lock(tokens, place) for place in places)
    return Statement(marks=marks, locks=marks or names_lock, names_lock=names_lock)


def _explain(tokens: Tokens) -> Statement:
    """Of a query it does at most what the query does, with ANALYZE or without.

    DESCRIBE of a table does nothing.
    """
    rest = list(dropwhile(lambda token: token.text.lower() in _OPTIONS, tokens[1:]))
    if rest and rest[0].is_word and rest[0].text in _QUERIES:
        return _query(rest)
    return UNSURE if tokens[0].text in {"explain", "analyze"} else _query(tokens)


def _analyze(tokens: Tokens) -> Statement:
    """MariaDB's ANALYZE of a query. Of a table it writes statistics."""
    rest = [token for token in tokens[1:4] if token.text not in {"format", "json"}]
    is_query = rest and rest[0].text in _QUERIES - {"table"}
    return _explain(tokens) if is_query else UNSURE


def _change(tokens: Tokens) -> Statement:
    """INSERT, UPDATE, DELETE: they leave a mark only by what they call."""
    places = range(1, len(tokens))
    marks = any(is_mark(tokens, place) for place in places)
    return Statement(writes=True, marks=marks, locks=marks)


def _session(tokens: Tokens) -> Statement:
    """What changes its session."""
    return _query(tokens)._replace(marks=True)


def _set(tokens: Tokens) -> Statement:
    """SET: a function that it calls may write. MariaDB runs what follows SET STATEMENT."""
    is_known = tokens[1:2] and tokens[1].text not in {"statement", "default"}
    calls = any(is_mark(tokens, place) and tokens[place].is_called for place in range(len(tokens)))
    is_password = any(token.text.lower() == "password" for token in tokens)
    return _session(tokens) if is_known and not calls and not is_password else UNSURE


def _reset(tokens: Tokens) -> Statement:
    """RESET: of a setting. RESET MASTER and the like delete logs."""
    servers = {"master", "slave", "replica", "persist", "query", "binary"}
    return UNSURE if any(token.text in servers for token in tokens) else _session(tokens)


def _begin(tokens: Tokens) -> Statement:
    """BEGIN and START TRANSACTION. MariaDB runs what follows BEGIN NOT ATOMIC."""
    is_known = all(token.text in _TRANSACTION for token in tokens[1:])
    is_known = is_known and (tokens[0].text == "begin" or len(tokens) > 1)
    return Statement(marks=True, opens=True) if is_known else UNSURE


def _end(tokens: Tokens) -> Statement:
    """COMMIT and ROLLBACK. CHAIN begins another transaction, and TO goes back to a savepoint."""
    chains = any(token.text == "chain" for token in tokens)
    if any(token.text == "prepared" for token in tokens):
        return UNSURE
    is_over = not any(token.text == "to" for token in tokens)
    return _query(tokens)._replace(marks=chains, opens=chains if is_over else None)


def _savepoint(_: Tokens) -> Statement:
    """Savepoints end with their transaction, and Django sets them."""
    return Statement()


def _lock(tokens: Tokens) -> Statement:
    return _session(tokens)._replace(locks=True, names_lock=True)


def _declare(tokens: Tokens) -> Statement:
    """DECLARE of a cursor. MariaDB has blocks that begin so."""
    return _session(tokens) if any(token.text == "cursor" for token in tokens) else UNSURE


_RULES: dict[str, Callable[[Tokens], Statement]] = {
    **dict.fromkeys(("select", "with", "values", "table", "show"), _query),
    **dict.fromkeys(("explain", "describe", "desc"), _explain),
    "analyze": _analyze,
    **dict.fromkeys(("insert", "update", "delete", "replace"), _change),
    "set": _set,
    "reset": _reset,
    **dict.fromkeys(("begin", "start"), _begin),
    **dict.fromkeys(("commit", "end", "rollback", "abort"), _end),
    **dict.fromkeys(("savepoint", "release"), _savepoint),
    **dict.fromkeys(("lock", "unlock"), _lock),
    "declare": _declare,
    **dict.fromkeys(("fetch", "move", "close", "use", "discard", "deallocate"), _session),
    **dict.fromkeys(("listen", "unlisten", "notify", "checkpoint"), _session),
}
