"""Says in words where the reads of a page went, what its writes pin, and what to do about it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from pinning import conf
from pinning.management.remedies import OF_A_WRITE, REMEDIES
from pinning.scopes import ON_REPLICA, Read, Reason, Write

Trace = Sequence[Read | Write]


def table_of(trace: Trace) -> Iterator[str]:
    """A line for each read and write, in their order; equal ones in a row are one line."""
    rows = [(*_cells(event), event.line or "(no line of the project)") for event, _ in _runs(trace)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, (_, times) in zip(rows, _runs(trace), strict=True):
        text = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {text.rstrip()}{f'  ({times} times)' if times > 1 else ''}"


def summary(trace: Trace, after_write: Trace | None) -> str:
    """One sentence: how many reads replicas served, also after a write, and why not more."""
    is_shadow = conf.settings().use_replicas == conf.SHADOW
    text = "In shadow mode the primary answers. Without it this" if is_shadow else "This"
    text += f" page reads {_share(trace)}{_because(trace)}"
    lines: dict[str, str] = {}  # the first of each model
    for write in _writes(trace):
        if write.pins:
            lines.setdefault(write.model, f" ({write.line})" if write.line else "")
    if lines:
        written = ", ".join(f"{model}{line}" for model, line in lines.items())
        text += f"; it pins whoever asks for it, because it writes {written}"
    if after_write is not None:
        text += f"; after a write {_share(after_write)}{_because(after_write)}"
    return f"{text}."


def remedies(trace: Trace, after_write: Trace | None) -> Iterator[str]:
    """What to do about each reason that was found, and the page that tells more."""
    reasons = dict.fromkeys([*_reasons(trace), *_reasons(after_write or [])])
    for reason in reasons:
        what, page = REMEDIES[reason]
        yield f"- {reason}: {what} See {page}"
    if any(write.pins for write in _writes(trace)) and Reason.WRITTEN not in reasons:
        what, page = OF_A_WRITE
        yield f"- pins: {what} See {page}"


def warning(trace: Trace) -> str | None:
    """What the visit may have left in the database."""
    models = dict.fromkeys(write.model for write in _writes(trace))
    if not models:
        return None
    names = ", ".join(models)
    return f"It was served for real: unless the page rolled it back, it has written {names}."


def _runs(trace: Trace) -> list[tuple[Read | Write, int]]:
    return [(event, len(list(same))) for event, same in groupby(trace)]


def _cells(event: Read | Write) -> tuple[str, ...]:
    if isinstance(event, Read):
        return "read", event.model, event.alias, str(event.reason)
    pins = "pins" if event.pins else "pins nobody"
    return "write", event.model, event.alias, f"{event.statement}, {pins}"


def _reads(trace: Trace) -> list[Read]:
    return [event for event in trace if isinstance(event, Read)]


def _writes(trace: Trace) -> list[Write]:
    return [event for event in trace if isinstance(event, Write)]


def _is_on_replica(read: Read) -> bool:
    return read.reason in ON_REPLICA


def _share(trace: Trace) -> str:
    reads = _reads(trace)
    found = sum(map(_is_on_replica, reads))
    if not reads:
        return "no model"
    return f"{found} of {len(reads)} from replicas" if found else "nothing from replicas"


def _because(trace: Trace) -> str:
    """Why the others went to the primary."""
    reasons = _reasons(trace)
    if not reasons:
        return ""
    rest = ", the rest from the primary" if any(map(_is_on_replica, _reads(trace))) else ""
    return f"{rest}, because {', and because '.join(reason.told for reason in reasons)}"


def _reasons(trace: Trace) -> list[Reason]:
    """Why reads went to the primary, the most frequent reasons first."""
    counts = Counter(read.reason for read in _reads(trace) if not _is_on_replica(read))
    return [reason for reason, _ in counts.most_common()]
