"""Reads: which database serves each one, whether a replica has caught up, and running it again."""

from pinning.reads.across import refuse_joins
from pinning.reads.behind import is_behind
from pinning.reads.decision import route
from pinning.reads.find_or_create import FindOrCreateMixin, afind_or_create, find_or_create
from pinning.reads.generic import follow_generic
from pinning.reads.one_database import install
from pinning.reads.raw import read_connection
from pinning.reads.replaced import differences
from pinning.reads.rerun import watch
from pinning.reads.shards import for_each_shard
