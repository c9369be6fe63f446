"""Read-your-writes for Django sites with a primary database and read replicas."""

from pinning.conf import source_of
from pinning.pins import default_identity
from pinning.reads import (
    FindOrCreateMixin,
    afind_or_create,
    find_or_create,
    for_each_shard,
    is_behind,
    read_connection,
)
from pinning.scopes import (
    Read,
    Reason,
    Scope,
    Write,
    carried,
    current_scope,
    in_scope,
    read_only,
    scope,
    take_carried,
    traced,
    unpinned,
    use_primary,
    use_replica,
    wait_for_replica,
)
from pinning.writes import mark_written

__all__ = [
    "FindOrCreateMixin",
    "Read",
    "Reason",
    "Scope",
    "Write",
    "afind_or_create",
    "carried",
    "current_scope",
    "default_identity",
    "find_or_create",
    "for_each_shard",
    "in_scope",
    "is_behind",
    "mark_written",
    "read_connection",
    "read_only",
    "scope",
    "source_of",
    "take_carried",
    "traced",
    "unpinned",
    "use_primary",
    "use_replica",
    "wait_for_replica",
]
