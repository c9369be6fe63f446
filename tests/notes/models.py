"""The tests' models: every kind of relation, and one that lives on the primary alone."""

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Tag(models.Model):
    name = models.CharField(max_length=50, unique=True)


class Comment(models.Model):
    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE)
    object_id = models.PositiveBigIntegerField()
    target = GenericForeignKey()
    text = models.TextField()


class Note(models.Model):
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True)
    text = models.TextField()
    tags = models.ManyToManyField(Tag)
    comments = GenericRelation(Comment)


class Attachment(models.Model):
    note = models.ForeignKey(Note, models.CASCADE)
    name = models.CharField(max_length=50)


class Audit(models.Model):
    text = models.TextField()
