"""The schema of the programs: each kind of relation that Django has, and each kind of model."""

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models


class InOrder(models.Model):
    """Rows come in the order of their keys, on each database."""

    class Meta:
        abstract = True
        ordering = ["pk"]


class Author(InOrder):
    name = models.CharField(max_length=20, unique=True)
    joined = models.DateTimeField()


class Tag(InOrder):
    name = models.CharField(max_length=20, unique=True)


class Mark(InOrder):
    """Refers to anything, and to an author by his name."""

    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.PositiveBigIntegerField()
    target = GenericForeignKey()
    text = models.CharField(max_length=20)
    by = models.ForeignKey(Author, models.SET_NULL, null=True, blank=True, to_field="name")


class Work(InOrder):
    author = models.ForeignKey(Author, models.CASCADE, null=True, blank=True)
    title = models.CharField(max_length=20)
    number = models.IntegerField(default=0)
    tags = models.ManyToManyField(Tag, blank=True)
    cites = models.ManyToManyField("self", symmetrical=False, blank=True)
    marks = GenericRelation(Mark)


class Essay(Work):
    """In the same table."""

    class Meta:
        proxy = True


class Book(Work):
    """In a table of its own, with a link to its parent's."""

    pages = models.IntegerField(default=1)


class Chapter(InOrder):
    work = models.ForeignKey(Work, models.CASCADE)
    editor = models.ForeignKey(Author, models.PROTECT, null=True, blank=True, related_name="edited")
    name = models.CharField(max_length=20)

    class Meta(InOrder.Meta):
        unique_together = [("work", "name")]


#: All that have rows of their own, the referred ones first.
MODELS = (Author, Tag, Mark, Work, Book, Chapter)
