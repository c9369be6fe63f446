"""Events have no relations, so they can live in another database than the notes."""

from django.db import models


class Event(models.Model):
    """What somebody did."""

    text = models.CharField(max_length=250)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.text
