"""What the board shows."""

import uuid

from django.contrib.auth.models import User
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Comment(models.Model):
    """What somebody said about anything."""

    text = models.CharField(max_length=200)
    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE)
    object_id = models.PositiveBigIntegerField()
    about = GenericForeignKey()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["content_type", "object_id"])]

    def __str__(self) -> str:
        return self.text


class Note(models.Model):
    """A line of text that somebody pinned up."""

    text = models.CharField(max_length=200)
    posted_at = models.DateTimeField(auto_now_add=True)
    author = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL)
    #: The cookie of whoever posted it, signed in or not.
    visitor = models.CharField(max_length=32, blank=True, editable=False)
    #: Of the form it was posted with: the same form sent twice makes one note.
    token = models.UUIDField(default=uuid.uuid4, editable=False)
    comments = GenericRelation(Comment)

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["token", "text"], name="posted_once")]

    def __str__(self) -> str:
        return self.text


class Like(models.Model):
    """A visitor likes a note."""

    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="likes")
    visitor = models.CharField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["note", "visitor"], name="liked_once")]

    def __str__(self) -> str:
        return f"{self.visitor} likes {self.note_id}"
