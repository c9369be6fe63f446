"""The ways to write and read that the proof's visitors have besides those of every site.

What the views do is in `views`, by the same names.
"""

from pinning.verify.ways import WAYS, Way

_PATH = "proof"
_ASYNC = "async"

#: What the sites can have that are the proof's own.
OWN = (
    Way(name="several threads", path=_PATH, asks_user=True, weight=2),
    Way(name="async read", path=_ASYNC, asks_user=True, weight=2),
    Way(name="async write", path=_ASYNC, method="POST", is_write=True),
    Way(name="async stream", path=_ASYNC, method="POST", is_write=True, is_rare=True),
    Way(name="deferred field", path=_PATH, is_write=True),
    Way(name="generic foreign key", path=_PATH, is_write=True),
    Way(name="next row", path=_PATH, is_write=True),
    Way(name="lock and count", path=_PATH, is_stranger=True, number="receipts", weight=2),
    Way(name="cache lock", path=_PATH, is_stranger=True, number="receipts", weight=2),
    Way(name="cache incr", path=_PATH, is_stranger=True, is_write=True, number="calls", weight=2),
    Way(name="cache get", path=_PATH, is_stranger=True, number="calls", weight=2),
)

STREAMS = ("stream", "stream by GET", "async stream")


def ways(*, without: tuple[str, ...] = ()) -> tuple[Way, ...]:
    """All but those of these names."""
    return tuple(way for way in (*WAYS, *OWN) if way.name not in without)
