"""``manage.py pinning_verify URL``: does everybody see what they wrote, on the site as it runs?"""

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from pinning import conf
from pinning.verify.checker import EmptyHistoryError, check
from pinning.verify.crowd import Crowd, Plan, SiteError, line_for
from pinning.verify.formats import FORMATS
from pinning.verify.history import HistoryError, Operation, read_history, write_lines
from pinning.verify.progress import Progress
from pinning.verify.report import objection, report, summary

WRONG = 1
REFUSED = 2


def up_to(most: float, kind: Callable[[str], float] = int) -> Callable[[str], float]:
    """A type of an argument: a positive number, ``most`` at the most."""

    def parse(text: str) -> float:
        number = kind(text)
        if not 0 < number <= most:
            raise ArgumentTypeError(f"{text} is not between 0 and {most:,}")
        return number

    parse.__name__ = "number"
    return parse


class Command(BaseCommand):
    """Let simulated users write and read on a running site, and check what they saw.

    Exits with 1 if a read was stale or a request failed, and with 2 if nothing could be proved.
    """

    help = "Check on a running site that everybody sees what they wrote."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Everything that could go on for long has a bound."""
        add = parser.add_argument
        url = "where pinning.verify.urls is included; of several, each request takes any one"
        add("url", nargs="*", help=url)
        plan = Plan()
        add("--users", type=up_to(500), default=plan.users, help="how many (%(default)s)")
        seconds = "for how long at most (%(default)s)"
        add("--seconds", type=up_to(43_200, float), default=plan.seconds, help=seconds)
        requests = "how many requests at most (%(default)s)"
        add("--requests", type=up_to(1_000_000), default=plan.requests, help=requests)
        add("--seed", type=int, default=plan.seed, help="what the users do follows from it")
        add("--history", type=Path, help="keep all that was done in this file")
        format_ = "how the file is written; all but %(default)s are for other checkers"
        add("--format", choices=FORMATS, default="json", help=format_)
        add("--recheck", type=Path, help="judge such a file again, and visit no site")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run, or read; then judge and tell."""
        if (options["recheck"] is None) == (not options["url"]):
            problem = f"Give a URL, or --recheck FILE. The site needs {line_for()}"
            raise CommandError(problem, returncode=REFUSED)
        for url in options["url"]:
            if not re.match(r"https?://[^/]", url):
                problem = f"{url} must begin with http:// or https:// and a host."
                raise CommandError(problem, returncode=REFUSED)
        try:
            history = self._recheck(options) if options["recheck"] else self._visit(options)
            if options["history"] is not None:
                write_lines(options["history"], FORMATS[options["format"]](history))
            verdict = check(history)
        except (SiteError, HistoryError, EmptyHistoryError, OSError) as error:
            raise CommandError(str(error), returncode=REFUSED) from error
        self.stdout.write(report(verdict))
        self.stdout.write("")
        if not verdict.is_good:
            raise CommandError(summary(verdict), returncode=WRONG)
        if reason := objection(verdict, conf.settings().replicas or ("default",)):
            raise CommandError(reason, returncode=REFUSED)
        self.stdout.write(self.style.SUCCESS(summary(verdict)))

    def _recheck(self, options: dict[str, Any]) -> list[Operation]:
        return list(read_history(options["recheck"]))

    def _visit(self, options: dict[str, Any]) -> list[Operation]:
        """The history of a run; what an interrupted one has done until then."""
        plan = Plan(**{name: options[name] for name in ("users", "seconds", "requests", "seed")})
        crowd = Crowd(options["url"], plan)
        with crowd:
            for sentence in crowd.untried:
                self.stderr.write(self.style.WARNING(sentence))
            try:
                crowd.run(Progress(self.stderr))
            except KeyboardInterrupt:
                self.stderr.write("Interrupted: this is what was done until then.")
        if crowd.left:
            self.stderr.write(self.style.WARNING(crowd.left))
        return crowd.history
