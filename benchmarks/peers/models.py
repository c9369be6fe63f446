"""What the site keeps: accounts, each with a value that only grows, and what was done to them."""

from django.db import models


class Account(models.Model):
    """One user's. ``value`` is the largest that was written."""

    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        """Its number."""
        return f"account {self.pk}"


class Entry(models.Model):
    """One write."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="entries")
    value = models.BigIntegerField()

    def __str__(self) -> str:
        """What was written."""
        return str(self.value)
