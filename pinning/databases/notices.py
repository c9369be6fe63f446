"""Warnings about a database that come again and again: each is logged once in RETRY_AFTER."""

from pinning import conf
from pinning.breaker import breaker_of


def is_news(kind: str, alias: str) -> bool:
    """Whether no warning of this ``kind`` about ``alias`` was logged of late: one is logged now."""
    told = breaker_of(kind, alias)
    if not told.may_try():
        return False
    told.set_aside(conf.settings().retry_after)
    return True
