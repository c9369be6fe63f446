"""What was committed on a primary, and whether it is one."""

from pinning.writes.recorder import mark_written, watch, watch_open_connections
