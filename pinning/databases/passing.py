"""Tells whether all that a statement leaves on PostgreSQL is over with the transaction."""

import re

from django.db.backends.base.base import BaseDatabaseWrapper

from pinning.databases.locks import holds_for_transaction
from pinning.databases.rules import Statement

_NAME = r'(?:"[^"]++"|[\w$]++)(?:\.(?:"[^"]++"|[\w$]++))?+'
_NAMES = rf"{_NAME}(?:\s*+,\s*+{_NAME})*+"
_TEXT = r"\s*+(?:'[^'\\]*+'|%s)\s*+"
_HOW = r"(?:\s++(?:cascade|restrict))?+"
_PIECE = r"""[^()'";]|'[^'\\]*+'|"[^"]*+\""""
_BRACKETS = rf"\((?:{_PIECE})*+\)"
_NESTED = rf"\((?:{_PIECE}|{_BRACKETS})*+\)"
_COLUMNS = rf"\((?:{_PIECE}|{_NESTED})*+\)"
# How a commit is made is over with the transaction, but not where the log is after it.
_SETTING = r"'(?!synchronous_commit)[\w.]++'"
_LOCALLY = rf"(?:pg_catalog\.)?+set_config\(\s*+{_SETTING}\s*+,{_TEXT},\s*+true\s*+\)"

# The function of a trigger may do more, as behind an INSERT.
_PASSING = re.compile(
    rf"""\s*+(?:
        set\s++local\s++(?!synchronous_commit\b)[\w.]++[\s=][^;"()]*+
      | select\s++{_LOCALLY}(?:\s*+,\s*+{_LOCALLY})*+
      | set\s++constraints\s++{_NAMES}\s++(?:deferred|immediate)
      | notify\s++{_NAME}(?:\s*+,{_TEXT})?+
      | select\s++(?:pg_catalog\.)?+pg_notify\({_TEXT},{_TEXT}\)
      | truncate\s++(?:table\s++)?+(?:only\s++)?+{_NAMES}
        (?:\s++(?:restart|continue)\s++identity)?+{_HOW}
      | analyze(?:\s++verbose)?+(?:\s++{_NAMES})?+
      | drop\s++table\s++(?:if\s++exists\s++)?+{_NAMES}{_HOW}
      | create\s++(?:unlogged\s++)?+table\s++(?:if\s++not\s++exists\s++)?+{_NAME}\s*+{_COLUMNS}
    )\s*+;?+\s*+""",
    re.IGNORECASE | re.VERBOSE,
)


def leaves_mark(connection: BaseDatabaseWrapper, statement: Statement, sql: str) -> bool:
    """Whether ``statement``, whose text is ``sql``, may leave a mark that outlives a transaction.

    MySQL's SET LOCAL sets something for the session.
    """
    return statement.marks and not (connection.vendor == "postgresql" and is_passing(sql))


def is_passing(sql: str) -> bool:
    """Whether PostgreSQL's session is, after the transaction, as if ``sql`` had not run in it."""
    if "pg_temp" in sql.lower():
        return False
    return holds_for_transaction(sql) or _PASSING.fullmatch(sql) is not None
