"""What the board shows."""

from django.db import models


class Note(models.Model):
    """A line of text that somebody pinned up."""

    text = models.CharField(max_length=200)
    posted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.text
