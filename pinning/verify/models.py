"""The table that simulated users write and read: a number for each of them."""

from django.db import models


class Counter(models.Model):
    """The largest value that a session of a run has written. It goes with the run's end."""

    run = models.CharField(max_length=32)
    session = models.IntegerField()
    value = models.BigIntegerField(default=0)
    made = models.DateTimeField(auto_now_add=True)

    class Meta:
        """One row for each session of a run."""

        constraints = [
            models.UniqueConstraint(fields=["run", "session"], name="pinning_verify_session")
        ]

    def __str__(self) -> str:
        return f"{self.run} {self.session}: {self.value}"
