"""A model of users and servers that do what they like, for hypothesis to search.

Two devices of one user, whose requests and responses cross, and a client with a token that keeps
no cookies; two processes; one Redis, which restarts and loses its memory. Each request goes on by
one Redis command at a time, and time passes when the model says so.
"""

import contextlib
import time
from typing import Any, ClassVar

from django.core.cache import cache
from django.http import HttpResponse
from django_redis import get_redis_connection
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from pinning import breaker
from pinning.pins.identity import Visitor
from pinning.pins.pin import Pin, Pins
from pinning.pins.stores import Exchange, Loaded, Store, Stores
from pinning.pins.stores.cookie import CookieStore
from pinning.pins.stores.redis import RedisStore
from pinning.testing.redis import MARK_AS_OLD
from proof.stores.interleaving import Hand, wait_for_turn
from proof.stores.races import MAX_PIN, PASS_TIME, SLACK, WINDOW, Kept, all_of, missing
from tests.pins.stores.helpers.clients import Answer, Client
from tests.pins.stores.helpers.lasting import LastingRedis

_MARK = "pinning:{memory}:lasting"
_MOST_AT_ONCE = 3
_TROUBLES = st.sampled_from(["", "", "", "flush", "flush", "restart", "restart_empty"])
_NUMBERS = st.integers(0, 9)
_CLIENTS = st.integers(0, 2)
_PROCESSES = st.integers(0, 1)
_MOSTLY = st.sampled_from([True, True, True, False])
#: The cluster, and whether its primary tells a position.
_WRITES = st.lists(
    st.sampled_from([("default", True), ("default", True), ("default", False), ("orders", True)]),
    min_size=1,
    max_size=2,
)


class Process:
    """The stores of one process, and for whom its server-side one did what it was asked."""

    def __init__(self, number: int, kind: type[Store], *, has_cookie: bool) -> None:
        done_for: list[Visitor] = []

        class Noting(kind):  # type: ignore[misc, valid-type]
            def load(self, visitor: Visitor) -> Loaded:
                loaded = super().load(visitor)
                if loaded.is_complete:
                    done_for.append(visitor)
                return loaded

            def save(self, visitor: Visitor, pins: Pins, exchange: Exchange | None) -> None:
                super().save(visitor, pins, exchange)
                done_for.append(visitor)

        self.on_server = Noting()
        members: dict[str, Store] = {f"redis {number}": self.on_server}
        self.stores = Stores({**members, "cookie": CookieStore()} if has_cookie else members)
        self._done_for = done_for

    def has_served(self, visitor: Visitor) -> bool:
        """Whether the server-side store has."""
        return any(each is visitor for each in self._done_for)


class StoreMachine(RuleBasedStateMachine):
    """Who was answered is told the truth from then on, or that nobody knows."""

    kind: ClassVar[type[Store]] = RedisStore
    server: ClassVar[LastingRedis]
    clock: ClassVar[Any]  # freezegun's

    @initialize(has_cookie=st.booleans(), trouble=_TROUBLES)
    def begin(self, has_cookie: bool, trouble: str) -> None:
        breaker.reset()
        get_redis_connection("default").flushdb()
        get_redis_connection("default").eval(MARK_AS_OLD, 1, cache.make_key(_MARK))
        self.processes = [Process(n, self.kind, has_cookie=has_cookie) for n in range(2)]
        self.clients = [Client("laptop"), Client("phone"), Client("token", keeps_cookies=False)]
        self.hands: list[Hand] = []
        self.answers: list[tuple[Client, Answer]] = []
        self.begun: list[Kept] = []
        self.on_server: list[Kept] = []
        self.trouble, self.had_trouble = trouble, False
        self.timeline, self.place = 1, 0
        self._catch_up()

    # What clients do

    @precondition(lambda self: len(self.hands) < _MOST_AT_ONCE)
    @rule(client=_CLIENTS, process=_PROCESSES, is_signed_in=_MOSTLY)
    def read(self, client: int, process: int, is_signed_in: bool) -> None:
        """A request leaves with the cookies of now."""
        who = self.clients[client]
        visitor, known = who.signed_in() if is_signed_in else who.visitor(), list(who.received)
        self.hands.append(Hand(lambda: self._load(self.processes[process], visitor, known)))

    @precondition(lambda self: len(self.hands) < _MOST_AT_ONCE)
    @rule(client=_CLIENTS, process=_PROCESSES, is_signed_in=_MOSTLY, writes=_WRITES)
    def write(
        self, client: int, process: int, is_signed_in: bool, writes: list[tuple[str, bool]]
    ) -> None:
        """A request leaves that writes, and hence does not ask the stores before it is over."""
        who = self.clients[client]
        visitor = who.signed_in() if is_signed_in else who.visitor()
        self.hands.append(Hand(lambda: self._save(self.processes[process], who, visitor, writes)))

    @precondition(lambda self: self.hands)
    @rule(number=st.integers(0, _MOST_AT_ONCE - 1), commands=st.sampled_from([1, 1, 1, 2, 9]))
    def go_on(self, number: int, commands: int) -> None:
        """One of the requests goes on by so many commands, or to its end; then others look."""
        hand = self.hands[number % len(self.hands)]
        while commands and not hand.is_over:
            hand.go()
            commands -= 1
        if hand.is_over:
            self._look()
        self.hands = [hand for hand in self.hands if not hand.is_over]

    @precondition(lambda self: self.answers)
    @rule(number=_NUMBERS)
    def arrive(self, number: int) -> None:
        """One of the responses that are on their way arrives."""
        client, answer = self.answers.pop(number % len(self.answers))
        client.take(answer)

    # What happens to them

    @rule(
        what=st.sampled_from(["wait", "fail_over", "catch_up", "get_into_trouble"]), much=_NUMBERS
    )
    def happen(self, what: str, much: int) -> None:
        """One of them, so that most steps are those of clients."""
        if what == "wait":
            self._wait([1, 1, 10, 20, 61][much % 5])
        elif what == "fail_over":
            self._fail_over()
        elif what == "catch_up":
            self._catch_up()
        elif not self.had_trouble:
            self._get_into_trouble()

    def _wait(self, seconds: int) -> None:
        """Time passes."""
        get_redis_connection("default").eval(PASS_TIME, 0, seconds * 1000)
        self.clock.tick(seconds)
        for client in self.clients:
            client.forget_old_cookies()

    def _fail_over(self) -> None:
        """The primary's last writes are gone, and what follows is on another timeline."""
        self.timeline, self.place = self.timeline + 1, self.place // 2

    def _catch_up(self) -> None:
        """The replicas do. Nothing is less owed for that, but by a store that deletes pins then."""
        self.reached = 0
        for process in self.processes:
            if hasattr(process.on_server, "reached"):
                self.reached = process.on_server.reached = self.place

    def _get_into_trouble(self) -> None:
        """At most once in a run: a restart takes its time, and afterwards little is known."""
        self.had_trouble = self.trouble != ""
        if self.trouble == "flush":
            get_redis_connection("default").flushdb()
        elif self.trouble:
            getattr(self.server, self.trouble)()

    def teardown(self) -> None:
        """All requests end, and everybody looks once more, and again when short pins are over.

        Some time after the trouble is over, the server knows all again.
        """
        if not hasattr(self, "hands"):
            return
        self._finish()
        for seconds in (0, 10):
            self._wait(seconds)
            self._look()
        for _ in range(2):  # for those that rest to be tried again, and for the memory to be old
            for process in self.processes:
                process.stores.load(Visitor(cookies={}, identities=("user",)))
            self._wait(61)
        for process in self.processes:
            visitor = Visitor(cookies={}, identities=("user",))
            assert process.stores.load(visitor) == Pins()
            assert process.has_served(visitor)

    def _look(self) -> None:
        """What the server says of each name, in between all commands."""
        for name in ("user", "laptop", "phone", "token"):
            self._load(self.processes[0], Visitor(cookies={}, identities=(name,)), [])

    def _finish(self) -> None:
        errors = []
        for hand in self.hands:
            while not hand.is_over:
                with contextlib.suppress(Exception):
                    hand.go()
            errors.append(hand.error)
        for error in filter(None, errors):
            raise error

    # What a process does

    def _load(self, process: Process, visitor: Visitor, received: list[Kept]) -> None:
        names = frozenset(visitor.identities)
        on_server = [kept for kept in self.on_server if kept.names & names]
        loaded = process.stores.load(visitor)
        is_known = process.has_served(visitor)
        assert is_known or self.had_trouble
        if loaded is not None:
            owed = received + on_server if is_known else received
            lost, invented = missing(self._live(owed), loaded), missing(loaded, all_of(self.begun))
            assert (lost, invented) == ([], []), f"{visitor.identities} heard of {loaded}"

    def _save(
        self, process: Process, client: Client, visitor: Visitor, writes: list[tuple[str, bool]]
    ) -> None:
        """It is owed from the moment when the response leaves, or arrives in a cookie."""
        pins = Pins(self._written(cluster, has_position=has) for cluster, has in writes)
        until = time.time() + min(p.lasts(window=WINDOW, max_pin=MAX_PIN) for p in pins) - SLACK
        kept = Kept(frozenset(visitor.identities), pins, until)
        self.begun.append(kept)
        wait_for_turn()
        exchange = Exchange(client.request(), HttpResponse())
        process.stores.save(visitor, pins, exchange)
        if process.has_served(visitor):
            self.on_server.append(kept)
        self.answers.append((client, Answer(exchange.response, kept)))

    def _written(self, cluster: str, *, has_position: bool) -> Pin:
        if not has_position:
            return Pin(cluster=cluster, written_at=time.time())
        self.place += 1
        timeline = f"7.{self.timeline}"
        return Pin(cluster=cluster, written_at=time.time(), timeline=timeline, position=self.place)

    def _live(self, owed: list[Kept]) -> Pins:
        pins = all_of(kept for kept in owed if kept.until > time.time())
        return Pins(pin for pin in pins if pin.position is None or pin.position > self.reached)
