"""What simulated users make of the answers."""

from urllib.parse import parse_qs, urlsplit

import pytest

from pinning.verify.clients import Answer
from pinning.verify.history import NO_ANSWER, Kind
from pinning.verify.users import Browser
from pinning.verify.ways import READ, UPDATE, Way

BOTH = Way(name="both", path="else", is_write=True)


class Site:
    """A client whose site gives one answer to all."""

    def __init__(self, answer, asked):
        self.get = lambda path: asked.append(("GET", path)) or answer
        self.post = lambda path: asked.append(("POST", path)) or answer


def gone(way, *answers, is_signed_in=False):
    """What a browser notes of each answer, and what its client and its stranger asked."""
    noted, by_client, by_stranger = [], [], []
    for answer in answers:

        def make(jar=None, answer=answer):
            return Site(answer, by_client if jar is None else by_stranger)

        (hand,) = Browser(7, make, noted.append).hands
        hand.is_signed_in = is_signed_in
        hand.go(way)
    return noted, by_client, by_stranger


def answer(status=200, **body):
    return Answer(status, 0.0, 1.0, body)


@pytest.mark.parametrize("way", [READ, UPDATE])
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (answer(value=3, wrote=3), 200),
        (Answer(200, 0.0, 1.0, {}, "Back soon."), NO_ANSWER),
        (answer(value=None, wrote=None), NO_ANSWER),
        (answer(500), 500),
        (answer(400), 400),
    ],
)
def test_a_page_of_somebody_else_is_no_answer(way, answer, status):
    noted, _, _ = gone(way, answer)
    assert {operation.status for operation in noted} == {status}


def test_one_request_may_write_and_read():
    noted, _, _ = gone(BOTH, answer(wrote=3, value=2, least=3))
    assert [(each.kind, each.value, each.least, each.way) for each in noted] == [
        (Kind.WRITE, 3, 0, "both"),
        (Kind.READ, 2, 3, "both"),
    ]


@pytest.mark.parametrize(("way", "kind"), [(READ, Kind.READ), (UPDATE, Kind.WRITE)])
def test_a_request_that_failed_is_noted_as_what_it_was_to_be(way, kind):
    (operation,), _, _ = gone(way, answer(500))
    assert (operation.kind, operation.status) == (kind, 500)
    assert operation.value == (1 if way.is_write else None)  # what it was to write


def test_what_a_failed_request_was_to_write_is_unknown_if_the_site_chooses_it():
    way = Way(name="count", is_write=True, number="calls")
    (operation,), _, _ = gone(way, answer(500))
    assert operation.value is None


def test_a_way_leads_to_its_view():
    _, ((method, path),), _ = gone(BOTH, answer(wrote=1))
    assert (method, urlsplit(path).path) == ("GET", "7/else")
    assert parse_qs(urlsplit(path).query) == {
        "way": ["both"],
        "new": ["1"],
        "client": ["browser 7"],
    }


@pytest.mark.parametrize("asks", [True, False])
def test_who_is_signed_in_says_so_where_the_view_asks(asks):
    way = Way(name="any", asks_user=asks)
    _, ((_, path),), _ = gone(way, answer(value=1), is_signed_in=True)
    assert ("signed_in=1" in path) is asks


def test_a_number_that_is_the_client_s_own_has_a_session_of_its_own():
    (operation,), _, _ = gone(Way(name="call", number="calls"), answer(value=1))
    assert operation.session == "browser 7, calls"


def test_the_answer_says_which_of_several_numbers_it_was():
    noted, _, _ = gone(Way(name="look", number="receipts"), answer(value=1, which=7))
    assert [each.session for each in noted] == ["browser 7, receipts 7"]


def test_a_stranger_is_another_client():
    _, by_client, by_stranger = gone(Way(name="look", is_stranger=True), answer(value=1))
    assert (len(by_client), len(by_stranger)) == (0, 1)
