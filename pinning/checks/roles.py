"""System checks that query a replica, run by ``manage.py check --database replica1``."""

from collections.abc import Iterator, Sequence

from django.core.checks import CheckMessage, Warning  # noqa: A004
from django.db import Error, connections

from pinning.conf import clusters
from pinning.databases import positions_of


def check_roles(databases: Sequence[str] | None = None, **_: object) -> list[CheckMessage]:
    """Check the rights of the roles by which Django connects to the replicas in ``databases``.

    A replica that cannot be reached is skipped: to report that is the task of monitoring.
    """
    known = clusters()
    asked = [
        (alias, of.primary)
        for alias in databases or ()
        if (of := known.of_alias(alias)) is not None and alias != of.primary
    ]
    return [message for aliases in asked for message in _sees_timeline(*aliases)]


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
                "Install the function that shows it and nothing else: manage.py pinning_grant "
                f"--database {primary} --role {missing.role} prints its SQL for a "
                f"superuser, with --apply it runs it. Or {missing.statement} This shows the role "
                "the text of everybody's queries too."
            ),
            id="pinning.W016",
        )
