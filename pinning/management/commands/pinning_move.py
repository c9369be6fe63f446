"""``manage.py pinning_move app.Model --to cluster``: moves rows while the site runs."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import Error

from pinning.conf import clusters, configured
from pinning.exceptions import PinningError, one_line
from pinning.move.ending import abort, drop, forget
from pinning.move.move import Move
from pinning.move.plan import Plan
from pinning.move.progress import Progress
from pinning.move.records import DROPPED, OPEN
from pinning.move.request import Request, check_followed, check_left


class Command(BaseCommand):
    """Copy rows, catch up with what changes, switch, and drop the old rows on command."""

    help = (
        "Move the rows of models to another cluster while the site runs. Run it again if it was "
        "interrupted: it goes on where it was."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What moves, and one step of it."""
        add = parser.add_argument
        add("models", nargs="+", metavar="app.Model", help="what moves; the first names the move")
        add("--to", required=True, metavar="CLUSTER", help="the cluster that gets the rows")
        add("--from", dest="from_", metavar="CLUSTER", help="the one that has them, as MODELS says")
        add("--where", default="", metavar="FIELD=VALUE", help="move these rows alone")
        step = parser.add_mutually_exclusive_group().add_argument
        step("--dry-run", action="store_true", help="say what would move and what refuses")
        step("--offline", action="store_true", help="no process of the site runs, so wait for none")
        step("--abort", action="store_true", help="take the move back, before the rows have left")
        step("--drop", action="store_true", help="delete the old rows, each if it is in the target")
        last = "after --drop: let the empty table take writes, and forget the move"
        step("--forget", action="store_true", help=last)

    def handle(self, *_: Any, **options: Any) -> None:
        """Do one step. What goes wrong is a CommandError."""
        try:
            configured()
            self._handle(options)
        except (PinningError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
        except Error as error:
            raise CommandError(f"A database failed: {one_line(error)} Run this again.") from error

    def _handle(self, options: dict[str, Any]) -> None:
        wanted = Request.of(options)
        progress = Progress(sys.stderr)
        source, target = clusters().named(wanted.source), clusters().named(wanted.target)
        move = Move(wanted.name, wanted.parts, source, target, say=self.stdout.write, tell=progress)
        if options["dry_run"]:
            self.stdout.write(Plan.of(move).text())
            return
        with move.alone():
            move.check()
            if options["abort"]:
                abort(move)
                self.stdout.write("The move is taken back.")
            elif options["drop"]:
                check_left(wanted)
                drop(move, progress)
                self.stdout.write(
                    "The old rows are gone. The empty tables refuse writes: --forget."
                )
            elif options["forget"]:
                check_left(wanted)
                forget(move)
                self.stdout.write("The move is forgotten.")
            else:
                self._run(move, wanted, is_offline=options["offline"])

    def _run(self, move: Move, wanted: Request, *, is_offline: bool) -> None:
        if move.phase in (OPEN, DROPPED):
            raise CommandError(f"The rows of {move.name.title} have moved already.")
        if move.phase is None:
            refusals = Plan.of(move).refusals
            if refusals:
                raise CommandError("\n".join(["Nothing was changed.", *refusals]))
        if not is_offline:
            check_followed(wanted)
        move.run(is_offline=is_offline)
        self.stdout.write(
            f"Name {wanted.target!r} in MODELS, restart all processes, and run this with --drop."
        )
