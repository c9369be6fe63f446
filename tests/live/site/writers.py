"""Many writers, each of whom reads a row on the replica as soon as that says that it has it."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.live.site.pair import Pair
from tests.live.site.reaching import has_reached, pins_of, write

WRITERS = 6
SECONDS = 4
QUESTIONS = 200


@dataclass
class Seen:
    """How often a replica was asked, how often it had the write, and what was not there then."""

    asked: int = 0
    had: int = 0
    stale: list[str] = field(default_factory=list)


def many_writers(pair: Pair, connect: Callable[..., Any], first: str = "", **more: Any) -> Seen:
    """Let them write for some seconds.

    Every second one runs ``first`` at first. ``more`` is for the connections to the primary.
    """
    seen, until = Seen(), time.monotonic() + SECONDS

    def work(number: int) -> None:
        primary, asker = connect(pair.primary, **more), connect(pair.primary)
        replica, step = connect(pair.replica), 0
        if first and number % 2:
            run(primary, first)
        while time.monotonic() < until:
            step += 1
            text = f"{number}.{step}"
            write_by_turns(primary, text, step)
            pins = pins_of(asker)
            for _ in range(QUESTIONS):
                seen.asked += 1
                if has_reached(replica, *pins):
                    seen.had += 1
                    if not is_there(replica, text):
                        seen.stale.append(text)
                    break
        for connection in (primary, asker, replica):
            connection.inc_thread_sharing()
            connection.close()

    threads = [threading.Thread(target=work, args=[number]) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def run(connection: Any, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def write_by_turns(connection: Any, text: str, step: int) -> None:
    """In a transaction each third time."""
    if step % 3:
        write(connection, text)
        return
    with connection.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("INSERT INTO notes_note (text) VALUES (%s)", [text])
        cursor.execute("COMMIT")


def is_there(connection: Any, text: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM notes_note WHERE text = %s", [text])
        return cursor.fetchone() is not None
