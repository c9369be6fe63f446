"""A shape, and a kind of it."""

from django.db import models
from polymorphic.models import PolymorphicModel


class Shape(PolymorphicModel):
    """Is read as what it is."""

    name = models.TextField()


class Circle(Shape):
    """Has a row of its own, beside its shape's."""

    radius = models.IntegerField(default=1)
