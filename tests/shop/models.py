"""Orders: related among themselves, a proxy, a child table, and a key to another cluster."""

from django.conf import settings
from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=50)


class Order(models.Model):
    customer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, db_constraint=False
    )
    products = models.ManyToManyField(Product)
    text = models.TextField()


class UrgentOrder(Order):
    """In the same table."""

    class Meta:
        proxy = True


class GiftOrder(Order):
    """In a table of its own, with a link to its parent's."""

    card = models.TextField()


class Line(models.Model):
    order = models.ForeignKey(Order, models.CASCADE)
    text = models.TextField()


class Customer(models.Model):
    """Another user model than AUTH_USER_MODEL, whose key is no number. It has no table."""

    id = models.UUIDField(primary_key=True)
    is_authenticated = True

    class Meta:
        managed = False
