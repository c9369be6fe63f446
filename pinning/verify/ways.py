"""The ways in which simulated users write and read a number: a table, with one request each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One request that writes a number, reads it, or does both.

    The view behind ``path`` is told the ``name``. Its answer says what was done: ``wrote`` is a
    number that it wrote, and ``value`` one that it read. ``least``, if it is there, is what that
    read must have seen, whoever asked: for example what the same request had written before.
    """

    name: str
    method: str = "GET"
    path: str = "value"
    #: How often it is taken, compared with the others.
    weight: float = 1.0
    is_write: bool = False
    #: Whether the view asks who the user is. Many views that write do not.
    asks_user: bool = False
    #: Which of the client's numbers it is about. The session's own has no name, and all ways to it
    #: are ways to the same number. Of several the answer says ``which``.
    number: str = ""
    #: Whether every third user of a kind alone takes it: it keeps who does on the primary for long.
    is_rare: bool = False
    #: Whether it comes without cookies and token: what it sees is promised to everybody.
    is_stranger: bool = False
    #: Whether the site promises it only with pins on a server, and to those with a name there.
    needs_server_side: bool = False
    needs_name: bool = False


READ = Way(name="read", asks_user=True, weight=30)
UPDATE = Way(name="update", method="POST", is_write=True, asks_user=True, weight=3)

#: What every site can have.
WAYS = (
    READ,
    UPDATE,
    Way(name="transaction", method="POST", is_write=True, asks_user=True, weight=2),
    Way(name="raw SQL", method="POST", is_write=True),
    Way(name="executemany", method="POST", is_write=True),
    Way(name="write by GET", is_write=True),
    Way(name="stream", method="POST", is_write=True, is_rare=True),
    Way(name="stream by GET", is_write=True, needs_server_side=True, needs_name=True),
)
