"""Histories in formats that other people's checkers read. Pure.

Elle reads EDN. As registers (`elle`) it is told each number; as lists (`elle-append`) each read
also tells which numbers came before, as Elle cannot know that numbers grow. The plain text of Plume
and PolySI (`plume`) has no times: each client is a session, and the lines are in its order. Numbers
of keys, processes and sessions are given in the order in which they come.

A number is left out where strangers could not judge it: one that nobody wrote, and one where it is
not known what a failed request was to write.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import count

from pinning.verify.history import Operation
from pinning.verify.transactions import Step, Transaction, transactions

_NANOSECONDS = 1_000_000_000


def json_lines(history: Iterable[Operation]) -> Iterator[str]:
    """Our own format, which can be judged again."""
    return (operation.to_line() for operation in history)


def elle(history: Iterable[Operation]) -> Iterator[str]:
    """For Elle's ``rw-register``: each step is ``[:w key value]`` or ``[:r key value]``."""

    def told(step: Step) -> str:
        return (
            f"{step.value}" if step.value else "nil"
        )  # nil is what Elle takes a key to begin with

    return _edn(_judged(history), ":w", told)


def elle_append(history: Iterable[Operation]) -> Iterator[str]:
    """For Elle's ``list-append``: a read saw all numbers up to its own."""
    judged = _judged(history)
    versions = _versions(judged)

    def told(step: Step) -> str:
        seen = (value for value in versions[step.key] if value <= (step.value or 0))
        return f"[{' '.join(map(str, seen))}]"

    return _edn(judged, ":append", told)


def plume(history: Iterable[Operation]) -> Iterator[str]:
    """For Plume and PolySI: ``w(key,value,session,transaction)`` and ``r(...)``.

    A key begins with 0. Whether a failed write was done is known only if somebody saw it, and only
    then it is there.
    """
    judged = _judged(history)
    seen = {(step.key, step.value) for each in judged for step in each.steps if not step.is_write}
    keys, sessions = _Numbers(), _Numbers()
    done = (each for each in judged if each.is_sure or {each.steps[0][1:3]} & seen)
    for number, each in enumerate(done, start=1):
        # Nobody knows when a failed write was done: its client may not have seen it at once.
        session = sessions[each.client if each.is_sure else f"{each.client}, {number}"]
        for step in each.steps:
            letter = "w" if step.is_write else "r"
            yield f"{letter}({keys[step.key]},{step.value},{session},{number})"


#: How a history can be written, by the name of the format.
FORMATS: dict[str, Callable[[Iterable[Operation]], Iterator[str]]] = {
    "json": json_lines,
    "elle": elle,
    "elle-append": elle_append,
    "plume": plume,
}


class _Numbers(dict[str, int]):
    """A number for each name, in the order in which they are asked for."""

    def __missing__(self, name: str) -> int:
        self[name] = len(self)
        return self[name]


def _judged(history: Iterable[Operation]) -> list[Transaction]:
    """The transactions on keys that a stranger can judge; each transaction has one key."""
    all_of_it = transactions(history)
    writes = [step for each in all_of_it for step in each.steps if step.is_write]
    written = {step.key for step in writes if step.value}
    unknown = {step.key for step in writes if step.value is None}
    return [
        each
        for each in all_of_it
        if each.steps[0].key in written - unknown
        and not (each.steps[0].is_write and each.steps[0].value == 0)  # every key begins so
    ]


def _versions(judged: list[Transaction]) -> dict[str, list[int]]:
    """The numbers that a key has had, as far as is known."""
    found: dict[str, set[int]] = {}
    for each in judged:
        for step in each.steps:
            values = found.setdefault(step.key, set())
            if step.value and (each.is_sure or not step.is_write):
                values.add(step.value)
    return {key: sorted(values) for key, values in found.items()}


def _edn(judged: list[Transaction], write: str, told: Callable[[Step], str]) -> Iterator[str]:
    """One map for the beginning of each transaction, and one for its end.

    A process does one thing after the other. Whose outcome is unknown never does another.
    """
    keys, processes = _Numbers(), count()
    idle: dict[str, list[int]] = {}
    at_work: dict[int, int] = {}  # the process, by the transaction
    start = min((each.begun for each in judged), default=0.0)
    for index, (at, is_begin, each) in enumerate(_moments(judged)):
        if is_begin:
            kind = "invoke"
            waiting = idle.setdefault(each.client, [])
            process = at_work[id(each)] = waiting.pop() if waiting else next(processes)
        else:
            kind = "ok" if each.is_sure else "info"
            process = at_work.pop(id(each))
            if each.is_sure:
                idle[each.client].append(process)
        steps = " ".join(
            f"[{write} {keys[step.key]} {step.value}]"
            if step.is_write
            else f"[:r {keys[step.key]} {told(step) if kind == 'ok' else 'nil'}]"
            for step in each.steps
        )
        time = round((at - start) * _NANOSECONDS)
        yield (
            f"{{:type :{kind}, :f :txn, :value [{steps}], "
            f":process {process}, :time {time}, :index {index}}}"
        )


def _moments(judged: list[Transaction]) -> list[tuple[float, bool, Transaction]]:
    """When each began and ended; of one moment the ends come first, as for our own checker."""
    moments = [(each.begun, True, each) for each in judged]
    moments += [(each.ended, False, each) for each in judged]

    def order(moment: tuple[float, bool, Transaction]) -> tuple[float, int]:
        at, is_begin, each = moment
        return at, 1 if is_begin else 2 * (each.begun == each.ended)

    return sorted(moments, key=order)
