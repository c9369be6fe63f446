"""System checks that query a replica, run by ``manage.py check --database replica1``."""

from collections.abc import Iterator, Sequence

from django.apps import apps
from django.core.checks import CheckMessage, Warning  # noqa: A004
from django.db import Error, connections

from pinning.conf import clusters
from pinning.databases import positions_of


def check_roles(databases: Sequence[str] | None = None, **_: object) -> list[CheckMessage]:
    """Check the replicas in ``databases``: the rights of Django's role, and their tables.

    A replica that cannot be reached is skipped: to report that is the task of monitoring.
    """
    known = clusters()
    asked = [
        (alias, of.primary)
        for alias in databases or ()
        if (of := known.of_alias(alias)) is not None and alias != of.primary
    ]
    return [
        message
        for aliases in asked
        for check in (_sees_timeline, _has_rows)
        for message in check(*aliases)
    ]


def _sees_timeline(alias: str, primary: str) -> Iterator[CheckMessage]:
    try:
        connection = connections[alias]
        missing = positions_of(connection).missing_grant(connection)
    except Error:
        return
    if missing is not None:
        yield Warning(
            f"The role {missing.role!r} cannot see which timeline the replica {alias!r} is on, so "
            "every pin holds for WINDOW at least.",
            hint=(
                f"manage.py pinning_grant --database {primary} --role {missing.role} prints the "
                "SQL of a function that shows it and nothing else. Run that SQL on the primary as "
                f"a superuser. {missing.statement} also does it, but then the role sees the text "
                "of everybody's queries."
            ),
            id="pinning.W016",
        )


def _has_rows(alias: str, primary: str) -> Iterator[CheckMessage]:
    try:
        connection = connections[alias]
        tables = positions_of(connection).tables_apart(connection)
    except Error:
        return
    is_on_primary = clusters().named(primary).primary_models
    for model in apps.get_models(include_auto_created=True) if tables else ():
        if model._meta.db_table in tables and not (model._meta.proxy or is_on_primary[model]):
            label = model._meta.label
            yield Warning(
                f"The replica {alias!r} does not keep the rows of {label}, whose table is UNLOGGED "
                "or in MEMORY: reads cost two round trips, or find nothing.",
                hint=f'Add "{label}" to PINNING["PRIMARY_MODELS"].',
                obj=model,
                id="pinning.W019",
            )
