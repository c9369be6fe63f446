"""``manage.py pinning_grant``: the SQL that lets the site's role see how far its replicas are."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connections, transaction

from pinning.conf import DEFAULT, Cluster, clusters
from pinning.databases import positions_of


class Command(BaseCommand):
    """Print the SQL for an administrator, or run it on a primary. Replicas get it by themselves."""

    help = "Print or run the SQL that lets the site's role see which timeline its replicas are on."
    requires_system_checks = ()  # some of them ask for what this command gives

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The role that runs the SQL need not be the one that is given the right."""
        add = parser.add_argument
        add("--database", default=DEFAULT, help="the alias of the primary (%(default)s)")
        role = "who may see it, several times for several; without it, the USER of each replica"
        add("--role", action="append", dest="roles", metavar="ROLE", help=role)
        run = "run it on the primary as the alias's USER, who has to be an administrator"
        add("--apply", action="store_true", help=run)

    def handle(self, *_: Any, **options: Any) -> None:
        """Print, or run in one transaction."""
        alias = options["database"]
        cluster = _cluster_of(alias)
        connection = connections[alias]
        sql = positions_of(connection).installation(options["roles"] or _users_of(cluster))
        if not sql:
            self.stderr.write(f"{connection.display_name} needs none: every role may see it.")
        elif options["apply"]:
            _run(alias, sql)
            self.stdout.write(f"Installed on {alias!r}. Restart the site for it to look anew.")
        else:
            self.stdout.write(f"BEGIN;\n{sql}COMMIT;")


def _cluster_of(alias: str) -> Cluster:
    cluster = clusters().of_alias(alias)
    if cluster is None or alias != cluster.primary:
        raise CommandError(f"{alias!r} is not the primary of a cluster in PINNING['REPLICAS'].")
    return cluster


def _users_of(cluster: Cluster) -> list[str]:
    """By which roles the site reads from the replicas, as DATABASES says."""
    users = {str(connections[alias].settings_dict["USER"]) for alias in cluster.replicas}
    if "" in users:
        raise CommandError("DATABASES names no USER of a replica: name the role with --role.")
    return sorted(users)


def _run(alias: str, sql: str) -> None:
    try:
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            cursor.execute(sql)
    except Error as error:
        user = connections[alias].settings_dict["USER"]
        raise CommandError(
            f"The role {user!r} of {alias!r} could not run it, and nothing has changed: {error}\n"
            "Without --apply the SQL is printed, for an administrator to run on the primary."
        ) from error
