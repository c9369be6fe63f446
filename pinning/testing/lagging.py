"""A real primary and its replica in the places of the project's databases, for some tests."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connections

from pinning import health
from pinning.conf import DEFAULT, clusters
from pinning.testing.mariadb import MariaDBReplica
from pinning.testing.pair import Pair
from pinning.testing.postgres import Replica


@contextmanager
def project_pair() -> Iterator[Pair]:
    """Start a pair with the project's tables: MariaDB where the project has it, else PostgreSQL.

    Raises MissingService where the servers are not installed.
    """
    engine = str(django_settings.DATABASES[DEFAULT]["ENGINE"])
    with Pair.running("mariadb" if engine.endswith("mysql") else "postgresql") as pair:
        with in_its_place(pair):
            call_command("migrate", run_syncdb=True, verbosity=0)
        yield pair


@contextmanager
def in_its_place(pair: Pair) -> Iterator[Replica | MariaDBReplica]:
    """A block in which the pair is "default" and its first replica, in every thread.

    The replica has all that was written before. In the end all tables are emptied, as they are
    after a TransactionTestCase.
    """
    servers = {DEFAULT: pair.primary, first_replica(): pair.replica}
    before = {alias: (connections.settings[alias], connections[alias]) for alias in servers}
    pair.catch_up()
    try:
        for alias, server in servers.items():
            own = {**connections.settings[alias], "TEST": {}, "OPTIONS": {}}
            connections.settings[alias] = {**own, **server.settings(pair.database)}
            del connections[alias]
        yield pair.replica
        call_command("flush", interactive=False, verbosity=0)
    finally:
        for alias, (settings, connection) in before.items():
            with suppress(AttributeError):
                connections[alias].close()
            connections.settings[alias], connections[alias] = settings, connection
        health.reset()


def first_replica() -> str:
    """The alias of the first replica of "default". Raises LookupError if there is none."""
    cluster = clusters().of_alias(DEFAULT)
    if cluster is None or not cluster.replicas:
        raise LookupError('PINNING["REPLICAS"] names no replica of "default".')
    return cluster.replicas[0]
