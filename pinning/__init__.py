"""Read-your-writes for Django sites with a primary database and read replicas."""

from pinning.carried import carried, take_carried
from pinning.lookups import FindOrCreateMixin, afind_or_create, find_or_create
from pinning.outside import scope
from pinning.overrides import read_only, use_primary, use_replica
from pinning.raw import read_connection
from pinning.reasons import Reason
from pinning.scope import Scope, current_scope
from pinning.threads import in_scope
from pinning.writes import mark_written

__all__ = [
    "FindOrCreateMixin",
    "Reason",
    "Scope",
    "afind_or_create",
    "carried",
    "current_scope",
    "find_or_create",
    "in_scope",
    "mark_written",
    "read_connection",
    "read_only",
    "scope",
    "take_carried",
    "use_primary",
    "use_replica",
]
