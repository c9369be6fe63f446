"""The board on real servers over real HTTP: what a visitor without JavaScript sees."""

import re
import time

import httpx
import pytest

from tests.example_project.conftest import Row, Visitor

pytestmark = pytest.mark.live

PINNED = "the user has written, and no replica that was asked has it yet"


def test_whoever_posted_a_note_sees_it_at_once(visitor):
    response = visitor.post("seen at once")
    assert [(hop.status_code, hop.request.method) for hop in response.history] == [(302, "POST")]
    assert visitor.notes[0] == "seen at once"
    assert visitor.verdict == (
        "The replica is behind by 1 write; this page shows it all the same. "
        f"It was read from the primary: {PINNED}."
    )


def test_the_panel_names_the_database_and_the_reason(visitor):
    visitor.post("explained")
    rows = visitor.rows
    assert Row("SELECT board.Note", "the primary", PINNED) in rows
    assert Row("INSERT board.Note", "the primary", "the primary takes every write") in rows


def test_the_panel_shows_the_pin_and_where_it_is(visitor):
    visitor.post("pinned")
    assert "not on replica1 yet: the primary answers" in visitor.panel
    visitor.wait_until_fresh()
    assert "replica1 has it" in visitor.panel


def test_the_panel_and_the_page_tell_of_the_same_moment(visitor):
    """From before a replica has a note until after: looked at as often as it goes."""
    visitor.post("on its way")
    verdicts = set()
    until = time.monotonic() + 10
    while len(verdicts) < 2 and time.monotonic() < until:
        verdicts.add(visitor.verdict)
        assert_no_contradiction(visitor)
        visitor.look()
    assert len(verdicts) == 2


def assert_no_contradiction(visitor: Visitor) -> None:
    is_behind = "is behind by 1 write;" in visitor.verdict
    has_all = "has all that the primary has" in visitor.verdict
    said = (visitor.verdict, visitor.panel)
    assert is_behind != has_all, said
    assert ("replica1: known behind by 1 write" in visitor.panel) == is_behind, said
    assert ("replica1: has every write" in visitor.panel) == has_all, said
    assert ("not on replica1 yet: the primary answers" in visitor.panel) == is_behind, said


def test_beside_a_note_that_is_missing_the_panel_knows_that_the_replica_is_behind(visitor):
    visitor.set(mode="clock", lag="8")
    visitor.post("known to be missing")
    visitor.wait_until(lambda visitor: "is missing" in visitor.verdict, 8)
    assert "replica1: known behind by 1 write" in visitor.panel
    assert "written nothing" not in visitor.panel


def test_a_write_that_no_note_shows_counts_too(visitor):
    visitor.set(action="pause")
    visitor.look("login/")
    visitor.submit("login/", username="grace", password="pinning")
    assert re.search(r"replica1: known behind by \d writes?", visitor.panel)
    assert "not on replica1 yet" in visitor.panel
    assert "The replica is behind by" in visitor.verdict


def test_a_read_that_has_waited_says_how_long(visitor):
    visitor.set(wait="2.0", lag="1.5")
    visitor.post("worth a wait")
    said = r"read from replica1 after a wait of (\d+) ms: replica1 has what the user wrote"
    found = re.search(said, visitor.verdict)
    assert found is not None, visitor.verdict
    assert 0 < int(found[1]) <= 2000
    words = next(row.words for row in visitor.rows if "waited" in row.words)
    assert words == f"replica1 has what the user wrote; waited {found[1]} ms"


def test_who_does_not_wait_reads_from_the_primary(visitor):
    visitor.set(wait="0.0", lag="1.5")
    visitor.post("not worth a wait")
    assert PINNED in visitor.verdict


def test_a_control_that_fails_says_so_until_one_does_not(visitor):
    assert "There is no such control." in visitor.set(lag="99").text
    assert "There is no such control." not in visitor.set(lag="2").text


def test_the_pin_ends_when_the_replica_has_the_note(visitor):
    visitor.post("replayed later")
    assert "read from the primary" in visitor.verdict
    visitor.wait_until_fresh()
    assert visitor.notes[0] == "replayed later"
    assert "read from replica1: replica1 has what the user wrote" in visitor.verdict


def test_with_pinning_off_the_note_is_missing(visitor):
    visitor.set(mode="off")
    visitor.post("missing at first")
    assert "missing at first" not in visitor.notes
    assert visitor.verdict == (
        "Your note “missing at first” is missing. It is safe on the primary, but this page was "
        "read from replica1, which does not have it yet: pinning is off, so nobody remembers that "
        "you have just written."
    )


def test_turned_on_again_the_note_is_there(visitor):
    visitor.set(mode="off")
    visitor.post("there again")
    assert "there again" not in visitor.notes
    visitor.set(mode="position")
    assert visitor.notes[0] == "there again"


def test_by_the_clock_the_note_is_missing_after_the_window(visitor):
    visitor.set(mode="clock", lag="9")
    visitor.post("there, and gone")
    assert visitor.notes[0] == "there, and gone"
    visitor.wait_until(lambda visitor: "there, and gone" not in visitor.notes, 8)
    assert "the window of 5 s is over, and the replica is later than that" in visitor.verdict
    visitor.wait_until(lambda visitor: "there, and gone" in visitor.notes, 8)


def test_another_visitor_reads_from_the_replica(demo, visitor):
    visitor.post("not for others yet")
    other = Visitor(demo)
    assert "not for others yet" not in other.notes
    assert other.verdict == (
        "This page does not show 1 new thing yet. It was read from replica1: no rule sends "
        "this read to the primary."
    )


def test_the_other_half_is_read_for_whoever_sends_no_cookies(demo, visitor):
    visitor.post("for one alone")
    assert "for one alone" not in httpx.get(f"{demo.url}other/").text


@pytest.mark.usefixtures("redis_server")
def test_with_redis_a_visitor_without_a_session_is_pinned_too(visitor):
    visitor.set(store="redis")
    visitor.post("in redis")
    assert visitor.notes[0] == "in redis"
    assert PINNED in visitor.verdict


def test_while_replay_is_paused_the_writer_stays_on_the_primary(visitor):
    visitor.set(lag="0", action="pause")
    visitor.post("paused")
    time.sleep(1)
    visitor.look()
    assert visitor.notes[0] == "paused"
    assert PINNED in visitor.verdict
    visitor.set(action="resume")
    visitor.wait_until_fresh()


def test_a_dead_replica_is_no_error_with_pinning(visitor):
    visitor.set(action="kill")
    assert visitor.post("without a replica").status_code == 200
    assert visitor.notes[0] == "without a replica"
    assert visitor.verdict.startswith("The replica does not answer.")


def test_a_dead_replica_is_an_error_page_without_pinning(visitor):
    visitor.set(mode="off")
    response = visitor.set(action="kill")
    assert response.status_code == 503
    assert "With pinning the primary would answer." in response.text
    assert "replica1: does not answer" in visitor.panel
    assert 'value="restart"' in response.text


def test_a_restarted_replica_serves_again(visitor):
    visitor.set(action="kill")
    visitor.set(action="restart")
    visitor.wait_until(lambda visitor: "read from replica1" in visitor.verdict)


def test_a_comment_is_there_at_once(visitor):
    visitor.post("to be commented")
    response = visitor.submit(f"{visitor.number_of('to be commented')}/", text="a comment")
    assert "<li>a comment</li>" in response.text


def test_a_note_that_is_not_there_is_explained(visitor):
    response = visitor.look("999999999/")
    assert response.status_code == 404
    assert "At least not on replica1, where this page looked for it" in response.text


def test_a_number_that_no_note_can_have_is_not_found(visitor):
    assert visitor.look(f"{10**30}/").status_code == 404


def test_a_broken_cookie_is_replaced(visitor):
    visitor.cookies.set("board_visitor", "broken", domain="127.0.0.1")
    response = visitor.look()
    assert response.cookies["board_visitor"] != "broken"


def test_what_others_do_with_my_note_is_late_and_not_missing(demo, visitor):
    visitor.set(lag="0")
    visitor.post("liked by another")
    visitor.wait_until_fresh()
    other = Visitor(demo)
    visitor.set(lag="5")
    other.submit(f"{other.number_of('liked by another')}/like/")
    visitor.look()
    assert visitor.verdict.startswith("This page does not show 1 new thing yet.")


def test_a_like_counts_once_and_can_be_taken_back(visitor):
    visitor.post("likeable")
    number = visitor.number_of("likeable")
    assert (
        f'id="like-{number}" aria-label="Like likeable (♥ 1)"'
        in visitor.submit(f"{number}/like/").text
    )
    assert (
        f'id="like-{number}" aria-label="Like likeable (♥ 0)"'
        in visitor.submit(f"{number}/like/").text
    )


def test_signing_in_is_safe_under_lag(visitor):
    visitor.look("login/")
    visitor.submit("login/", username="ada", password="pinning")
    assert "Signed in as <strong>ada</strong>" in visitor.page
    visitor.post("signed")
    visitor.wait_until_fresh()
    assert "Signed in as <strong>ada</strong>" in visitor.page
    assert "by ada" in visitor.page


def test_the_session_of_another_project_on_this_machine_is_left_alone(visitor):
    visitor.cookies.set("sessionid", "of another project", domain="127.0.0.1")
    visitor.look()
    assert "sessionid" in visitor.cookies


def test_with_pinning_off_signing_in_fails_for_good_and_is_explained(visitor):
    visitor.set(mode="off")
    visitor.look("login/")
    visitor.submit("login/", username="ada", password="pinning")
    assert "You signed in as ada, and are signed out again" in visitor.page
    visitor.set(mode="position")
    assert "signed out again" not in visitor.page
    visitor.wait_until_fresh()
    assert "Sign in" in visitor.page
    assert "board_session" not in visitor.cookies


def test_a_form_that_is_sent_twice_makes_one_note(visitor):
    token = visitor.token
    visitor.post("twice", token)
    visitor.post("twice", token)
    assert visitor.notes.count("twice") == 1


def test_an_old_form_with_a_new_text_makes_another_note(visitor):
    token = visitor.token
    visitor.post("first text", token)
    visitor.post("second text", token)
    assert visitor.notes[:2] == ["second text", "first text"]


def test_what_visitors_write_is_escaped(visitor):
    response = visitor.post("<script>alert(1)</script>")
    assert "<script>alert" not in response.text
    assert visitor.notes[0] == "<script>alert(1)</script>"


def test_a_note_that_does_not_validate_is_explained_and_pins_nobody(visitor):
    response = visitor.post("")
    assert "This field is required." in response.text
    visitor.look()
    assert "read from replica1" in visitor.verdict


@pytest.mark.parametrize("controls", [{"lag": "31"}, {"mode": "x"}, {"action": "explode"}])
def test_a_control_that_is_none_changes_nothing(visitor, controls):
    before = visitor.look().text
    visitor.set(**controls)
    shown = visitor.look().text
    assert shown.count("checked") == before.count("checked") == 3
    assert 'value="2.0"' in shown


def test_a_post_from_elsewhere_is_refused(demo):
    for path in ("", "controls/"):
        assert httpx.post(demo.url + path, data={"text": "forged"}).status_code == 403
