"""System checks that ask the servers, run by ``manage.py check --database replica1``."""

from collections.abc import Iterator, Sequence

from django.apps import apps
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004

from pinning import conf
from pinning.conf import clusters
from pinning.diagnosis import UNREACHABLE, Finding, Seen, findings_of, look


def check_databases(databases: Sequence[str] | None = None, **_: object) -> list[CheckMessage]:
    """Check the servers of the aliases in ``databases``: that each is what its alias says."""
    seen = look(clusters(), databases or ())
    return [
        message for alias in seen for message in _messages(seen[alias], seen, set(databases or ()))
    ]


def _messages(seen: Seen, all_seen: dict[str, Seen], asked: set[str]) -> Iterator[CheckMessage]:
    for finding in findings_of(seen, all_seen[seen.primary], conf.settings()):
        if seen.alias in asked or finding.id == UNREACHABLE:
            yield _message(finding)
    if seen.alias in asked and not seen.is_primary:
        yield from _lacks_rows(seen)


def _message(finding: Finding) -> CheckMessage:
    kind = Error if finding.level == "error" else Warning
    return kind(finding.what, hint=finding.hint, id=finding.id)


def _lacks_rows(seen: Seen) -> Iterator[CheckMessage]:
    tables = seen.facts.tables_apart
    is_on_primary = clusters().named(seen.primary).primary_models
    for model in apps.get_models(include_auto_created=True) if tables else ():
        if model._meta.db_table in tables and not (model._meta.proxy or is_on_primary[model]):
            label = model._meta.label
            yield Warning(
                f"The replica {seen.alias!r} does not keep the rows of {label}, whose table is "
                "UNLOGGED or in MEMORY: reads cost two round trips, or find nothing.",
                hint=f'Add "{label}" to PINNING["PRIMARY_MODELS"].',
                obj=model,
                id="pinning.W019",
            )
