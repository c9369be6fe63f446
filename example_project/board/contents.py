"""The notes with their likes and comments, as plain values that can be compared."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.contrib.contenttypes.models import ContentType

from example_project.board.models import Comment, Like, Note

MOST_NOTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownNote:
    """All that the page shows of a note."""

    number: int
    text: str
    author: str
    posted_at: datetime
    likes: int
    comments: tuple[str, ...]


def read_notes(alias: str | None = None) -> dict[int, ShownNote]:
    """The newest notes by number: from ``alias``, or from wherever the router sends the reads."""
    notes = list(Note.objects.using(alias).select_related("author")[:MOST_NOTES])
    numbers = [note.pk for note in notes]
    likes = Counter(
        Like.objects.using(alias).filter(note__in=numbers).values_list("note_id", flat=True)
    )
    # Not through note.comments: a GenericRelation may write where it reads, so pinning keeps such
    # reads on the primary.
    about = ContentType.objects.db_manager(alias).get_for_model(Note)
    found = Comment.objects.using(alias).filter(content_type=about, object_id__in=numbers)
    comments = defaultdict(list)
    for comment in found:
        comments[comment.object_id].append(comment.text)
    return {
        note.pk: ShownNote(
            number=note.pk,
            text=note.text,
            author=note.author.username if note.author else "",
            posted_at=note.posted_at,
            likes=likes[note.pk],
            comments=tuple(comments[note.pk]),
        )
        for note in notes
    }
