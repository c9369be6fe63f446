"""The table that simulated users write and read, a number for each, and what they leave."""

from django.db import models


class Counter(models.Model):
    """The largest value that a session of a run has written. It goes with the run's end.

    The run itself has a row as well, which goes with the first run two days later.
    """

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


class Login(models.Model):
    """The key of a session that a user of a run was signed in by. It goes with the run's end."""

    run = models.CharField(max_length=32)
    key = models.TextField()

    def __str__(self) -> str:
        return self.run
