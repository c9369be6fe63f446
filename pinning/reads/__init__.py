"""Reads: which database serves each one, whether a replica has caught up, and running it again."""

from pinning.reads.decision import count, decide
from pinning.reads.find_or_create import FindOrCreateMixin, afind_or_create, find_or_create
from pinning.reads.raw import read_connection
from pinning.reads.rerun import watch
