"""``manage.py pinning_status``: what each server and store is, what moves, and what is wrong."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from pinning import conf
from pinning.conf import configured
from pinning.databases import positions_of
from pinning.diagnosis import Report, Seen, look
from pinning.move.under_way import moves_under_way


class Command(BaseCommand):
    """Look at all servers and stores once, and change nothing."""

    help = (
        "Say what each database and store is, and what is wrong. The exit code is 0 if nothing is, "
        "1 if somebody has to look after something, and 2 if nobody could look."
    )
    requires_system_checks = ()  # it is for those who find out what is wrong

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A table for people without any."""
        add = parser.add_mutually_exclusive_group().add_argument
        add("--json", action="store_true", help="print JSON, for programs")
        sql = "print the SQL that an administrator has to run once on a primary, if any has to"
        add("--sql", action="store_true", help=sql)

    def handle(self, *_: Any, **options: Any) -> None:
        """Print. Ends the process with 1 if there is a finding."""
        try:
            settings, clusters = conf.settings(), configured()
            if options["sql"]:
                self._print_sql(look(clusters, settings.aliases))
                return
            report = Report.made(clusters, settings)
        except ImproperlyConfigured as error:
            raise CommandError(str(error), returncode=2) from error
        moves = moves_under_way(report.primaries())
        if options["json"]:
            values = report.values() | {"moves": [move.values() for move in moves]}
            self.stdout.write(json.dumps(values, indent=2))
        else:
            told = [*_switched_off(settings), *(move.text() for move in moves)]
            self.stdout.write(report.text(*told))
        if report.findings:
            sys.exit(1)

    def _print_sql(self, seen: dict[str, Seen]) -> None:
        """For each primary the function that its replicas' roles lack."""
        roles: dict[str, set[str]] = {}
        failed = [each for each in seen.values() if each.error]
        for each in seen.values():
            if each.facts.missing is not None:
                roles.setdefault(each.primary, set()).add(each.facts.missing.role)
        for primary, names in roles.items():
            sql = positions_of(connections[primary]).installation(sorted(names))
            self.stdout.write(f"-- On the primary {primary!r}:\nBEGIN;\n{sql}COMMIT;")
        for each in failed:
            self.stderr.write(f"{each.alias!r} could not be asked: {each.error}")
        if failed:
            sys.exit(1)
        if not roles:
            self.stderr.write("Nothing has to be run.")


def _switched_off(settings: conf.Settings) -> Iterator[str]:
    """What USE_REPLICAS says, if that is for all requests and no replica serves them."""
    if settings.use_replicas in (False, conf.SHADOW):
        yield f"USE_REPLICAS is {settings.use_replicas!r}: the primary serves all reads."
