"""ddtrace: Django's cursors and psycopg's connections are wrapped."""

import os

os.environ.update(
    DD_TRACE_ENABLED="true",
    DD_INSTRUMENTATION_TELEMETRY_ENABLED="false",
    DD_TRACE_AGENT_URL="http://127.0.0.1:9",
    DD_REMOTE_CONFIGURATION_ENABLED="false",
    DD_CRASHTRACKING_ENABLED="false",
)

import ddtrace

ddtrace.patch(django=True, psycopg=True)

from ecosystem.project import migrate, start  # noqa: E402

PAIR = start()
migrate(PAIR)

from ecosystem.journeys import Journeys  # noqa: E402


class TestDdtrace(Journeys):
    pass
