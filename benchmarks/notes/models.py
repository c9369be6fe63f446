"""Notes, and what is attached to them."""

from django.db import models


class Note(models.Model):
    """Found by how its text begins."""

    text = models.TextField()

    class Meta:
        """One index, as the database is in the locale C."""

        indexes = [models.Index(fields=["text"], name="notes_text")]

    def __str__(self) -> str:
        """Its text."""
        return self.text


class Attachment(models.Model):
    """A relation of a note's."""

    note = models.ForeignKey(Note, models.CASCADE)
    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        """Its name."""
        return self.name
