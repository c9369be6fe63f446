"""Notes."""

from django.db import models


class Note(models.Model):
    """A note of one tenant."""

    text = models.TextField()
    tenant = models.IntegerField(default=1)
