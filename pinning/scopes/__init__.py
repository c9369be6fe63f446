"""Scopes: pieces of work (a request, a task, a block) whose reads and writes belong together."""

from pinning.scopes import overrides, transaction
from pinning.scopes.block import NewScope, scope
from pinning.scopes.carried import CarriedScope, carried, carried_for_all, take_carried
from pinning.scopes.identity import HeldScope
from pinning.scopes.line import line_of_project
from pinning.scopes.overrides import (
    read_only,
    unpinned,
    use_primary,
    use_replica,
    wait_for_replica,
    wishes,
)
from pinning.scopes.reasons import ON_REPLICA, Reason
from pinning.scopes.request import RequestScope
from pinning.scopes.responses import stream_inside, streams
from pinning.scopes.scope import Scope, current_scope, in_scope, inside, switch
from pinning.scopes.state import Choice, ClusterWork, Read, Reader
from pinning.scopes.traced import traced
from pinning.scopes.transaction import Transaction, transaction_of, uncommitted
from pinning.scopes.written import Write
