"""Writes: what was committed on a primary, and whether the primary's alias leads to a standby."""

from pinning.writes.recorder import mark_written, watch, watch_open_connections
from pinning.writes.stale_save import look_while_debugging
