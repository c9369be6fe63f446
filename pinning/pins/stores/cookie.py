"""A store that keeps pins in encrypted cookies of the browser: few and small, whatever happens.

There are five names for cookies with pins, the *slots*, and some forty for *marks*. Each response
after a write takes one slot and four marks that its request did not send, and removes those that it
did send. So a browser has several tokens only if responses crossed on their way to it. Two of these
may take the same slot, and the one that arrives last may be of the earlier write. But a token lists
its own marks and those that its request sent: a mark that no token in the browser lists was left by
a token that is gone. Then nobody knows how far the client has written, and it is held: it stays on
the primary for MAX_PIN, or until its writes no longer cross. It is also held where many
marks are listed or many tokens there, since the marks of one that is gone could hide among them.

A later write ends a hold, since it is past all that the client was told of. It is not past what a
body writes that still streams. The answer of such a request takes the *late mark* in the place of
one of the others. No answer removes it, and while the browser has it, no write ends a hold.
"""

import itertools
import random
import secrets
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pinning import conf
from pinning.conf import made_once
from pinning.pins import Pins, Visitor, signing
from pinning.pins.cookies import LONG, SHORT, names, remove_cookies, set_cookies
from pinning.pins.pin import HELD, SKEW_SECONDS
from pinning.pins.room import marks_each
from pinning.pins.stores.base import Exchange, Loaded, Store
from pinning.pins.tokens import Given, Token, combined, hold, pins_of, without_hold

#: From so many tokens on, one that is gone may be hidden.
_HIDING = 3


class CookieStore(Store):
    """Each response after a write sets one cookie, with the pins of the request and the new ones.

    Four more cookies mark that it was set. All of them together never take more than
    ``cookies.MOST_BYTES`` of the headers of a request, or of a response.
    """

    is_server_side = False

    def load(self, visitor: Visitor) -> Loaded:
        """The pins of all cookies, without those that are too old or were not made here."""
        sent = Sent.by(visitor)
        if not sent.tokens:
            return Loaded(Pins())
        return Loaded(pins_of(sent.given(time.time())).spread(conf.settings().replicas))

    def save(self, visitor: Visitor, pins: Pins, exchange: Exchange | None) -> None:
        """Set a new cookie. Without a response that is impossible, and nothing is saved."""
        if exchange is None:
            return
        now = time.time()
        sent = Sent.by(visitor)
        unknown = {pin.cluster for pin in pins if pin.position is None}
        is_past_all = exchange.written - unknown >= {*conf.settings().pinnable}
        ends_hold = is_past_all and names().late not in sent.cookies
        known = without_hold(sent.given(now)) if ends_hold else sent.given(now)
        given = [*known, *(Given(pin, int(now)) for pin in pins)]
        if given:
            is_late = any(pin.timeline == HELD for pin in pins)
            _answer(exchange, sent, given, int(now), is_late=is_late)


class Sent(NamedTuple):
    """What a request sent in our cookies: ``cookies`` are all of its cookies."""

    cookies: Mapping[str, str]
    #: With the slots in which they were.
    tokens: Sequence[tuple[str, Token]]

    @classmethod
    def by(cls, visitor: Visitor) -> "Sent":
        """Read the slots. What is in one and was not written here counts for nothing."""
        cookies, slots = visitor.cookies, names().slots
        texts = [(name, cookies[name]) for name in slots if name in cookies]
        texts += [(name, text) for name, text in visitor.hidden if name in slots]
        read = [(name, signing.read(text, signing.COOKIE)) for name, text in texts]
        return cls(cookies, [(name, token) for name, token in read if token is not None])

    def given(self, now: float) -> list[Given]:
        """The pins of all tokens; with a hold on every cluster, if a token may be gone.

        Marks are not signed, so they count only beside a token: a client without one has not
        written, whatever marks somebody else has set in its browser.
        """
        settings = conf.settings()
        limits = {"window": settings.window, "max_pin": settings.max_pin}
        given = [one for _, token in self.tokens for one in token.alive(now, **limits)]
        if given and self._may_lack_one(now - max(limits.values()) - SKEW_SECONDS):
            given.append(hold(max(token.issued_at for _, token in self.tokens)))
        return given

    def marks(self) -> list[str]:
        """The marks among the cookies, whoever has set them."""
        return [name for name in names().marks if name in self.cookies]

    def _may_lack_one(self, since: float) -> bool:
        """Whether a token may be gone. One from before ``since`` accounts for no marks of now.

        A domain around could set an old one that lists them all.
        """
        listed = 0
        for _, token in self.tokens:
            listed |= token.marks if token.issued_at >= since else 0
        return len(self.tokens) >= _HIDING or bool(_bits(self.marks()) & ~listed)


def _answer(exchange: Exchange, sent: Sent, given: list[Given], now: int, *, is_late: bool) -> None:
    """Set a token with what is ``given``, and its marks; remove what it stands for."""
    known, sent_marks = names(), sent.marks()
    drawn = [name for name in sent_marks if name != known.late]
    marks, each = _draw(set(known.marks) - {known.late, *drawn}), marks_each()
    # Another's marks could hide among so many, or there are none that could tell of it.
    if len(drawn) > each or len(marks) < each or not each:
        given = [*given, hold(now)]
    if is_late and each:
        marks = [known.late, *marks[1:]]
    token = Token(issued_at=now, given=combined(given), marks=_bits({*marks, *sent_marks}))
    text = signing.write(token, signing.COOKIE, LONG)
    values = {_slot_for(text, sent.cookies): text, **dict.fromkeys(marks, "1")}
    settings = conf.settings()
    # The same for all, so that no mark outlasts the tokens beside it.
    seconds = max(settings.window, settings.max_pin)
    set_cookies(exchange.response, values, seconds)
    merged = dict.fromkeys([*(slot for slot, _ in sent.tokens), *drawn])
    unneeded = [name for name in merged if name not in values]
    remove_cookies(exchange.response, unneeded)


def _draw(free: Collection[str]) -> list[str]:
    """As many of the ``free`` marks as an answer takes."""
    return random.SystemRandom().sample(sorted(free), min(marks_each(), len(free)))


def _slot_for(text: str, cookies: Mapping[str, str]) -> str:
    """A slot that the request did not send, another one for each answer of this process.

    If there is none, any slot: its pins are in ``text`` too.
    """
    slots = names().slots if len(text) <= SHORT else names().long_slots
    free = [slot for slot in slots if slot not in cookies] or slots
    return free[next(_turns()) % len(free)]


@made_once
def _turns() -> Iterator[int]:
    return itertools.count(secrets.randbelow(2**16))


def _bits(marks: Iterable[str]) -> int:
    known = names().marks
    return sum(known[name] for name in marks)
