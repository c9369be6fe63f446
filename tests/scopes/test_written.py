"""What a scope wrote, as one value: which pins it has, and when the primary has to be asked."""

import threading

from pinning.pins import Pin, Pins
from pinning.scopes.written import Written


def pins(place: int) -> Pins:
    return Pins([Pin(cluster="default", written_at=1000.0, timeline="7.1", position=place)])


def places(found: Pins | None) -> list[int | None] | None:
    return None if found is None else [pin.position for pin in found]


def test_at_first_nothing_is_written():
    written = Written()
    assert not written.has_commits
    assert written.is_saved
    assert written.known() is None


def test_of_commits_that_told_their_position_the_largest_counts():
    written = Written()
    for place in (5, 9, 7):
        written.commit(pins(place))
    assert places(written.known()) == [9]


def test_one_commit_that_told_nothing_has_the_primary_asked():
    written = Written()
    for told in (pins(5), None, pins(9)):
        written.commit(told)
    assert written.known() is None


def test_an_answer_holds_until_the_next_commit():
    written = Written()
    written.commit(None)
    written.answer(written.latest(), pins(5))
    assert places(written.known()) == [5]
    written.commit(None)
    assert written.known() is None


def test_an_answer_to_an_older_question_does_not_count():
    written = Written()
    written.commit(None)
    asked = written.latest()
    written.commit(None)
    written.answer(asked, pins(5))
    assert written.known() is None


def test_too_many_commits_that_told_their_position_have_the_primary_asked():
    written = Written()
    for place in range(51):
        written.commit(pins(place))
    assert written.known() is None
    written.answer(written.latest(), pins(60))
    assert places(written.known()) == [60]


def test_the_session_is_known_as_long_as_one_has_made_all_commits():
    session, other = object(), object()
    for sessions, known in (
        ([], None),
        ([session], session),
        ([session, session], session),
        ([session, other], None),
        ([session, None], None),
        ([None], None),
        ([session, other, session, session], None),
    ):
        written = Written()
        for each in sessions:
            written.commit(None, each)
        assert written.session() is known


def test_a_commit_and_received_pins_are_to_be_saved():
    for change in (lambda written: written.commit(None), lambda written: written.receive(pins(5))):
        written = Written()
        change(written)
        assert not written.is_saved


def test_received_pins_are_no_commit():
    written = Written()
    written.receive(pins(5))
    written.receive(pins(3))
    assert places(written.received()) == [5]
    assert not written.has_commits


def test_no_commit_of_several_threads_is_lost():
    written = Written()
    threads = [
        threading.Thread(target=lambda: [written.commit(pins(place)) for place in range(10)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert places(written.known()) == [9]


def test_a_commit_in_the_middle_of_another_counts():
    """As by a handler of a signal."""

    class Interrupted(Written):
        is_first = True

        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if name == "_latest" and value is not None and Interrupted.is_first:
                Interrupted.is_first = False
                self.commit(pins(9))

    written = Interrupted()
    written.commit(pins(5))
    assert places(written.known()) == [9]
    assert not written.is_saved
