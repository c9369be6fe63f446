"""The room that our cookies have in the headers of an answer, and what is set in it."""

import math

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse

from pinning import conf
from pinning.conf import made_once
from pinning.pins.cookies import (
    IDENTITY,
    LONG,
    MOST_BYTES,
    bytes_of,
    has_identities,
    names,
    remove_cookies,
    set_cookies,
)

#: How many marks an answer sets: the more, the fewer answers have the same.
_MOST, _FEWEST = 4, 2

#: How many draws of marks there must be, or too many answers have the same.
_FEWEST_DRAWS = 400


@made_once
def marks_each() -> int:
    """How many marks each answer sets; 0 if there is no room, so that marks can tell nothing.

    The next answer must have room to remove them. Else they become so many in the browser that
    those of an answer that is gone could hide among them.
    """
    fitting = (each for each in range(_MOST, _FEWEST - 1, -1) if _draws(each) >= _FEWEST_DRAWS)
    return next((each for each in fitting if _bytes_of_answer(each) <= MOST_BYTES), 0)


def has_room() -> bool:
    """Whether an answer can set a cookie with pins, and one that names the client."""
    return _bytes_of_answer(0) <= MOST_BYTES


def require_room() -> None:
    """Raise ImproperlyConfigured if there is not even ``has_room``: nobody could be pinned."""
    if not has_room():
        raise ImproperlyConfigured(
            "The name, domain and path of pinning's cookies are so long that none fits into the "
            f"{MOST_BYTES} bytes that they may take (pinning.E037)."
        )


def _draws(each: int) -> int:
    """In how many ways an answer can take its marks from those that its request did not send.

    The late mark is not drawn.
    """
    return math.comb(max(0, len(names().marks) - 1 - each), each)


def _bytes_of_answer(each: int) -> int:
    """How large the largest answer is that sets so many marks and removes what it stands for."""
    known, response = names(), HttpResponse()
    marks = list(known.marks)
    new, old = known.long_slots
    values = {new: "x" * LONG, **dict.fromkeys(marks[:each], "1")}
    if has_identities():
        values[known.identities[0]] = "x" * IDENTITY
    set_cookies(response, values, max(conf.settings().window, conf.settings().max_pin))
    if each:
        remove_cookies(response, [old, *marks[each : 2 * each]], math.inf)
    return bytes_of(response)
