"""What the admin needs to have a page and a permission to view it. There is no table."""

from django.db import models


class NoRows(models.Manager["Replica"]):
    """Asks for nothing: ``dumpdata`` asks every model, also one without a table."""

    def get_queryset(self) -> models.QuerySet["Replica"]:
        """An empty one."""
        return super().get_queryset().none()


class Replica(models.Model):
    """A replica, by its alias. It has no rows: what is shown is what the process knows."""

    alias = models.CharField(max_length=200, primary_key=True)

    objects = NoRows()

    class Meta:
        managed = False
        base_manager_name = "objects"
        default_permissions = ("view",)

    def __str__(self) -> str:
        """The alias."""
        return self.alias
