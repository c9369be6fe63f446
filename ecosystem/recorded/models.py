"""A row with a history."""

from django.db import models
from simple_history.models import HistoricalRecords


class Recorded(models.Model):
    """Each of its states is kept."""

    text = models.TextField()
    history = HistoricalRecords()
