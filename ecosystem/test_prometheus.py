"""django-prometheus: backends whose connections and cursors are counted."""

from ecosystem.project import migrate, start

PAIR = start(
    apps=("django_prometheus",),
    engine="django_prometheus.db.backends.postgresql",
    before=("django_prometheus.middleware.PrometheusBeforeMiddleware",),
    after=("django_prometheus.middleware.PrometheusAfterMiddleware",),
)
migrate(PAIR)

from typing import Any  # noqa: E402

from django.test import Client  # noqa: E402
from prometheus_client import REGISTRY  # noqa: E402

from ecosystem.journeys import Journeys  # noqa: E402


class TestPrometheus(Journeys):
    def test_statements_are_counted_by_alias(self, pair: Any, client: Client) -> None:
        def count() -> float:
            labels = {"alias": "replica1", "vendor": "postgresql"}
            return REGISTRY.get_sample_value("django_db_execute_total", labels) or 0

        client.get("/")
        before = count()
        client.get("/")
        assert count() > before  # by one, and by those of the monitor's thread
