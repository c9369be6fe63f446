"""A PostgreSQL primary's log: how far it is inserted and flushed, and where its records end."""

from collections.abc import Sequence
from typing import NamedTuple

# SizeOfXLogShortPHD and SizeOfXLogLongPHD in src/include/access/xlog_internal.h.
_PAGE_HEADER = 24
_SEGMENT_HEADER = 40


class Log(NamedTuple):
    """A primary's log. Places are in bytes."""

    inserted: int
    flushed: int
    #: Whether the session's next commit waits until it is flushed.
    is_synchronous: bool
    backend: int
    timeline: int
    clock: float

    @classmethod
    def of_text(cls, row: Sequence[str]) -> "Log":
        """The log that a row of ``_PRIMARY`` tells as text."""
        inserted, flushed, is_synchronous, *numbers, clock = row
        backend, timeline = map(int, numbers)
        return cls(
            int(inserted), int(flushed), is_synchronous == "t", backend, timeline, float(clock)
        )


def end_of_record(lsn: int, *, page: int, segment: int) -> int:
    """The end of the last record before the insert position ``lsn``, in bytes.

    If a record ends exactly with a page or segment, the insert position already stands after the
    header of the next page (XLogBytePosToRecPtr in xlog.c). A standby that has replayed the record
    stays before that header until another record comes, which may take minutes on an idle site.
    """
    if lsn % segment == _SEGMENT_HEADER:
        return lsn - _SEGMENT_HEADER
    if lsn % page == _PAGE_HEADER and lsn % segment != _PAGE_HEADER:
        return lsn - _PAGE_HEADER
    return lsn
