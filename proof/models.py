"""What the sites of the proof have besides numbers: receipts, and remarks on anything."""

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Receipt(models.Model):
    """Whoever comes first takes it. Two of one run with the same number are one too many."""

    run = models.CharField(max_length=32)
    number = models.CharField(max_length=32)

    def __str__(self) -> str:
        return f"{self.run} {self.number}"


class Remark(models.Model):
    """Leads to a session's row by a generic foreign key."""

    run = models.CharField(max_length=32)
    session = models.IntegerField()
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.BigIntegerField()
    target = GenericForeignKey()

    def __str__(self) -> str:
        return f"{self.run} {self.session}"
