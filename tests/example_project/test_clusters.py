"""The demo's second cluster: events move there while they are written, and are read there then."""

import re
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape

import pytest

from tests.example_project.conftest import ROOT, Demo, Visitor, running_demo

pytestmark = pytest.mark.live

CONTENTS = "people, sessions, notes, comments, likes"
EVENT = re.compile(r"<li><time .*?</time> (.*?)</li>")


def like(visitor: Visitor) -> bool:
    """Like the newest note, or like it no more. Whether that is in an event."""
    visitor.look()
    number = visitor.number_of(visitor.notes[0])
    response = visitor.submit(f"{number}/like/")
    assert response.status_code == 200
    assert re.search(r'id="problem" class="verdict missing" role="alert"( hidden)?>', response.text)
    return "in no event" not in response.text


def typed(command: str) -> str:
    """What a command prints."""
    words = shlex.split(command)
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def told(visitor: Visitor) -> str:
    """The command that the page tells."""
    (command,) = re.findall(r": <code>(.*?)</code></p>", visitor.look().text)
    return unescape(command)


def type_next(visitor: Visitor, *options: str) -> str:
    """Type the command that the page tells, with options. What it prints."""
    return typed(" ".join([told(visitor), *options]))


def events(visitor: Visitor) -> list[str]:
    return [unescape(text) for text in EVENT.findall(visitor.look("activity/").text)]


def where_events_were_read(visitor: Visitor) -> str:
    page = visitor.look("activity/").text
    found = re.search(r"SELECT activity\.Event</code> on <strong>(.*?)</strong>: (.*?)</li>", page)
    assert found is not None
    return unescape(f"{found[1]}: {found[2]}")


def wait_until(question: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not question():
        assert time.monotonic() < until
        time.sleep(0.2)


@contextmanager
def liking(demo: Demo) -> Iterator[list[bool]]:
    """In the block somebody likes a note all the time. The list tells which likes are in events."""
    is_over, told = threading.Event(), list[bool]()

    def go_on() -> None:
        visitor = Visitor(demo)
        while not is_over.wait(1):
            told.append(like(visitor))

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield told
    finally:
        is_over.set()
        thread.join()


def test_all_steps_of_a_move(directory):
    with running_demo(directory) as demo:
        visitor = Visitor(demo)
        visitor.set(lag="1")
        manage = told(visitor).rpartition(" pinning_")[0]
        assert f"default, with replica1: {CONTENTS}, events" in visitor.panel
        assert "archive, with archive1: nothing yet" in visitor.panel
        visitor.post("to be liked")
        assert like(visitor)
        assert events(visitor) == ["somebody likes to be liked"]
        assert "lead to another database" not in type_next(visitor, "--dry-run")
        with liking(demo) as liked:
            assert "activity.Event: " in type_next(visitor)
            time.sleep(1.5)
        assert liked[-1]
        # They are somebody else's, and the replica is late.
        wait_until(lambda: len(events(visitor)) >= 1 + sum(liked))
        assert len(events(visitor)) == 1 + sum(liked)
        visitor.look()
        assert f"default, with replica1: {CONTENTS} archive, with archive1: events" in visitor.panel
        assert_reads_follow_writes(visitor)
        status = typed(f"{manage} pinning_status")
        assert "replica of archive" in status
        assert "The move of activity.Event from 'default' to 'archive': it has moved." in status
    with running_demo(directory, EVENTS="archive") as demo:
        visitor = Visitor(demo)
        before = events(visitor)
        assert " --drop" in type_next(visitor)  # which asks pinning_status
        manage = told(visitor).rpartition(" pinning_")[0]
        move = f"{manage} pinning_move activity.Event --to archive"
        assert "The old rows are gone." in typed(f"{move} --drop")
        assert "The move is forgotten." in typed(f"{move} --forget")
        assert events(visitor) == before != []


def assert_reads_follow_writes(visitor: Visitor) -> None:
    """Whoever has written to the second cluster reads there from the primary, until its replica
    has that."""
    visitor.set(lag="0", action="pause")
    visitor.wait_until(lambda visitor: 'data-replay="paused"' in visitor.page)
    before = len(events(visitor))
    assert like(visitor)
    assert len(events(visitor)) == before + 1
    pinned = "the user has written, and no replica that was asked has it yet"
    assert where_events_were_read(visitor) == f"archive: {pinned}"
    visitor.look()
    assert "not on archive1 yet: the primary answers" in visitor.panel
    visitor.set(action="resume")
    caught_up = "archive1: archive1 has what the user wrote"
    wait_until(lambda: where_events_were_read(visitor) == caught_up)
