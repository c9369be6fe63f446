"""A crowd of simulated users on a site, bounded in time and in requests."""

import itertools
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from pinning.verify.clients import Answer, Client, is_installed
from pinning.verify.history import NO_ANSWER, Kind, Operation
from pinning.verify.passes import HEADER, Pass
from pinning.verify.users import KINDS, Hand, User
from pinning.verify.visitors import Visitors
from pinning.verify.ways import WAYS, Way

_GLANCE_SECONDS = 0.1


class SiteError(Exception):
    """The site cannot be verified. The message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much a run does. ``pause_seconds`` is what a client waits between requests on average."""

    users: int = 16
    seconds: float = 30.0
    requests: int = 20_000
    pause_seconds: float = 0.02
    seed: int = 0
    #: The pass is good for ``seconds`` and so much longer: to sign out, and for clocks that differ.
    margin_seconds: float = 300.0
    kinds: tuple[type[User], ...] = KINDS
    ways: tuple[Way, ...] = WAYS


class Crowd:
    """Users of a site: ``with Crowd(addresses, plan) as crowd: crowd.run()``."""

    def __init__(self, addresses: Sequence[str], plan: Plan) -> None:
        """Take the addresses under which the site's one urlconf is found; ask nothing yet.

        Raises SiteError without httpx, and for an address that would show the pass on the way.
        """
        if not is_installed():
            raise SiteError("Visits need httpx: pip install django-pinning[verify]")
        hosts = sorted({_host_of(address) for address in addresses})
        self.plan = plan
        self.history: list[Operation] = []
        #: What the site cannot do, and so was not tried: sentences.
        self.untried: list[str] = []
        #: What the run has left on the site: a sentence, or empty.
        self.left = ""
        self._addresses = addresses
        lasts_seconds = plan.seconds + plan.margin_seconds
        self._pass = Pass.new(plan.users, hosts=hosts, lasts_seconds=lasts_seconds)
        self._clients = itertools.count()
        self._host = self._client()
        self._users: list[User] = []
        self._steps = itertools.count(1)

    def __enter__(self) -> "Crowd":
        """Make the run's rows, and the users that the site can have. Raises SiteError."""
        try:
            answer = self._host.post("begin")
            if answer.status != 200 or "replicas" not in answer.body:
                raise SiteError(_complaint(self._addresses[0], answer))
            self._users = self._make_users(answer.body)
            for user in self._users:
                user.begin()
        except BaseException:  # an interruption, too
            self.__exit__()
            raise
        return self

    def _make_users(self, site: dict[str, Any]) -> list[User]:
        kinds = self._possible(site)
        users = []
        for number, kind in zip(range(self.plan.users), itertools.cycle(kinds), strict=False):
            is_third = number // len(kinds) % 3 == 0
            users.append(kind(number, self._client, self.history.append))
            users[-1].may_sign_in = not site["no_accounts"]
            users[-1].ways = [
                way
                for way in self.plan.ways
                if _is_promised(way, kind, site) and (is_third or not way.is_rare)
            ]
        return users

    def __exit__(self, *_: object) -> None:
        """Sign everybody out, and have the site remove what the run made."""
        for user in self._users:
            user.end()
        status = self._host.post("end").status
        if status != 200:
            self.left = (
                f"The site answered the end of run {self.run_name} with status {status}: its rows, "
                "sessions and accounts go with the first run two days later."
            )
        self._host.close()

    @property
    def run_name(self) -> str:
        """The run's name in the table of values."""
        return self._pass.run

    def note_loss(self, values: Mapping[int, int]) -> None:
        """Note what the primary has left of each session, by its number, after it lost writes."""
        now = time.monotonic()
        for number, user in enumerate(self._users):
            loss = Operation(
                kind=Kind.LOST,
                session=user.name,
                client="",
                sent=now,
                answered=now,
                value=values.get(number, 0),
            )
            self.history.append(loss)

    def run(self, glance: Callable[[float], None] = lambda _: None) -> None:
        """Let everybody go on until the plan is done. ``glance`` hears how much of it is."""
        begun = time.monotonic()
        with self.at_work() as visitors:
            while (done := self._share_done(begun)) < 1 and not visitors.errors:
                glance(done)
                time.sleep(_GLANCE_SECONDS)
        glance(1.0)

    def at_work(self) -> Visitors:
        """Everybody goes on for the length of a block, or until the requests are used up."""
        hands = [hand for user in self._users for hand in user.hands]
        return Visitors(
            self._work(hand, random.Random(f"{self.plan.seed} {n}"))  # noqa: S311
            for n, hand in enumerate(hands)
        )

    def _work(self, hand: Hand, chance: random.Random) -> Iterator[float]:
        """Every other request comes right after the one before: nothing is staler than that."""
        while next(self._steps) <= self.plan.requests:
            hand.step(chance)
            is_resting = chance.random() < 0.5
            yield chance.expovariate(0.5 / self.plan.pause_seconds) if is_resting else 0.0

    def _share_done(self, begun: float) -> float:
        in_time = (time.monotonic() - begun) / self.plan.seconds
        return max(in_time, len(self.history) / self.plan.requests)

    def _client(self, **more: Any) -> Client:
        """A client, whose addresses follow from the seed as well."""
        chance = random.Random(f"{self.plan.seed} address {next(self._clients)}")  # noqa: S311
        return Client(self._addresses, {HEADER: self._pass.sign()}, chance=chance, **more)

    def _possible(self, site: dict[str, Any]) -> list[type[User]]:
        """The kinds that the site can have; why not the others goes to ``untried``."""
        if not site["replicas"]:
            raise SiteError("The site has no replicas: PINNING['REPLICAS'] names none.")
        if not site["has_scope"]:
            raise SiteError("The site's requests have no scope: put PinningMiddleware first.")
        possible = []
        for kind in self.plan.kinds:
            if obstacle := _obstacle(kind, site):
                self.untried.append(f"No {kind.title}: {obstacle}.")
            else:
                possible.append(kind)
        if not possible:
            raise SiteError(" ".join(["Nobody can be simulated.", *self.untried]))
        return possible


def _host_of(address: str) -> str:
    """The host in a URL. Raises SiteError if the pass could be read on the way there."""
    url = urlsplit(address)
    host = (url.hostname or "").rstrip(".")
    if url.scheme != "https" and not _is_this_machine(host):
        raise SiteError(
            f"{address} has to begin with https://, or others could read the pass on its way, and "
            "sign in to accounts of the site. http:// is for this machine alone: localhost."
        )
    return f"[{host}]" if ":" in host else host  # as Django's get_host() has it


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _obstacle(kind: type[User], site: dict[str, Any]) -> str:
    """Why the site promises such users nothing, or cannot have them; empty if it can."""
    if kind.needs_server_side and not site["has_server_side"]:
        return "it needs a store on a server, and STORES has none"
    if site["has_rule"] and site["has_server_side"]:
        return "IDENTITY tells whose pins are whose, and only you know for whom"
    if kind.needs_accounts and site["no_accounts"]:
        return str(site["no_accounts"])
    return ""


def _is_promised(way: Way, kind: type[User], site: dict[str, Any]) -> bool:
    """Whether the site promises such users anything for what is written in that way."""
    has_place = site["has_server_side"] or not way.needs_server_side
    return has_place and (kind.has_name or not way.needs_name)


_HINTS = {
    400: "Is the address in the site's ALLOWED_HOSTS?",
    403: "Run the command with the site's own SECRET_KEY, on a machine whose clock is right.",
    421: "Does something in front of the site change the header Host?",
    405: "Does something in front of the site refuse POST?",
    500: 'Is "pinning.verify" in INSTALLED_APPS, and was `migrate` run? The site\'s log has more.',
}


def _complaint(address: str, answer: Answer) -> str:
    if answer.status == NO_ANSWER:
        return f"Nothing answers at {address}: {answer.text}"
    if answer.location:
        return f"{address} redirects to {answer.location}: give the URL that it leads to."
    hint = _HINTS.get(answer.status, f"Do the site's urlpatterns have this? {line_for(address)}")
    return f"{address} answers with status {answer.status}. {hint}"


def line_for(address: str = "") -> str:
    """The line of ``urlpatterns`` that makes the site answer there, and what it needs."""
    place = urlsplit(address).path.strip("/") or "pinning-verify"
    return (
        f'path("{place}/", include("pinning.verify.urls")), with include from django.urls, before '
        f"a path that takes all. Restart the site, and give the URL that ends with {place}/."
    )
