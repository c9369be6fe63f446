"""sentry-sdk: cursors, connect, _commit and _rollback of Django's classes are replaced."""

import sentry_sdk
from sentry_sdk.integrations.django import DjangoIntegration

from ecosystem.project import migrate, start

sentry_sdk.init(
    dsn="http://key@127.0.0.1:9/1",
    before_send_transaction=lambda event, hint: None,
    integrations=[DjangoIntegration(db_transaction_spans=True)],
    default_integrations=False,
    traces_sample_rate=1.0,
)
PAIR = start()
migrate(PAIR)

from typing import Any  # noqa: E402

from django.test import Client  # noqa: E402

from ecosystem.journeys import Journeys  # noqa: E402


class TestSentry(Journeys):
    def test_a_commit_keeps_its_span(self, pair: Any, client: Client) -> None:
        with sentry_sdk.start_transaction(name="a request") as transaction:
            client.post("/edit", {"text": "new"})
            spans = [span.description for span in transaction._span_recorder.spans]
        assert any("UPDATE" in str(each) for each in spans)
        assert spans.count("COMMIT") == 1
