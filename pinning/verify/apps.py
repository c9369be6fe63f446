"""The app of what the site includes to be verified."""

from django.apps import AppConfig


class VerifyConfig(AppConfig):
    """One small table, and the views that write and read it."""

    name = "pinning.verify"
    label = "pinning_verify"
    verbose_name = "Pinning verification"
    default_auto_field = "django.db.models.BigAutoField"
