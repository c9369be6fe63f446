"""SQLAlchemy beside Django: its sessions read and write as Django's queries of the same scope do.

``sessionmaker(class_=session_class({"default": primary, "replica1": replica}))``; for async code
``async_sessionmaker(sync_session_class=session_class(...))``.
"""

from pinning.contrib.sqlalchemy.sessions import PinningSession, session_class

__all__ = ["PinningSession", "session_class"]
