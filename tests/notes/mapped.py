"""The same tables for SQLAlchemy."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "notes_note"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    attachments: Mapped[list["Attachment"]] = relationship(cascade="all, delete-orphan")


class Attachment(Base):
    __tablename__ = "notes_attachment"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    note_id: Mapped[int] = mapped_column(ForeignKey("notes_note.id"))


class Tag(Base):
    __tablename__ = "notes_tag"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
