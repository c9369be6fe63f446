"""A model with a field of each kind, whose rows refer to each other in any order."""

import uuid

from django.db import models
from django.db.models.functions import Upper


class Thing(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    parent = models.ForeignKey("self", models.CASCADE, null=True)
    name = models.CharField(max_length=50, unique=True)
    region = models.CharField(max_length=10, default="eu")
    changed = models.DateTimeField(auto_now=True)
    price = models.DecimalField(max_digits=12, decimal_places=3, null=True)
    ratio = models.FloatField(default=0.1)
    content = models.JSONField(null=True)
    blob = models.BinaryField(default=b"")
    took = models.DurationField(null=True)
    day = models.DateField(null=True)
    at = models.TimeField(null=True)
    is_new = models.BooleanField(default=True)
    address = models.GenericIPAddressField(null=True)
    file = models.FileField(null=True)
    loud = models.GeneratedField(
        expression=Upper("name"), output_field=models.CharField(max_length=50), db_persist=True
    )
