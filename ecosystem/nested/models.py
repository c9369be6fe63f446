"""A node of a tree."""

from django.db import models
from mptt.models import MPTTModel, TreeForeignKey


class Nested(MPTTModel):
    """Knows its parent, and its place in the whole tree by two numbers."""

    name = models.TextField()
    parent = TreeForeignKey("self", models.CASCADE, null=True, blank=True, related_name="children")
