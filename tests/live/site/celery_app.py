"""The site's Celery application."""

from celery import Celery

app = Celery("tests.live.site", include=["tests.live.site.celery_tasks"])
app.config_from_object("django.conf:settings", namespace="CELERY")
