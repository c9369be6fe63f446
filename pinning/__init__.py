"""Read-your-writes for Django sites with a primary database and read replicas."""

from pinning.overrides import read_only, use_primary, use_replica
from pinning.reasons import Reason
from pinning.scope import Scope, current_scope, scope
from pinning.writes import mark_written

__all__ = [
    "Reason",
    "Scope",
    "current_scope",
    "mark_written",
    "read_only",
    "scope",
    "use_primary",
    "use_replica",
]
