"""When this process first knew that a deletion had been made, and that a replica had what it tells.

What was read after that, on the primary or on that replica, is not older than the deletion.
"""

import time

_MOST = 20_000

_seen: dict[tuple[str, str], float] = {}


def note(token: str, source: str = "") -> None:
    """Note that the barrier ``token`` was seen, or that ``source`` has the writes behind it."""
    if len(_seen) >= _MOST:
        _seen.clear()  # what is forgotten is not believed
    _seen.setdefault((token, source), time.monotonic())


def is_seen_before(began: float, token: str, source: str = "") -> bool:
    """Whether it was noted before ``began``, by ``monotonic()``."""
    noted = _seen.get((token, source))
    return noted is not None and noted < began


def reset() -> None:
    """Forget everything, between tests."""
    _seen.clear()
