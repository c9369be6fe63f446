"""A row with tags."""

from django.db import models
from taggit.managers import TaggableManager


class Tagged(models.Model):
    """Has tags, and nothing else."""

    tags = TaggableManager()
