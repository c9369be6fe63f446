"""Draws the rooms from the imports: `python -m tests.docs.picture` writes docs/images/rooms.svg.

The floors are those of tests/test_house. Where a room stands on its floor is said here. An arrow is
left out where a longer way leads to the same room.
"""

from collections.abc import Iterator
from pathlib import Path

from tests.test_house import FLOORS, RIM, files, imports_of, module_of, room_of

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "rooms.svg"

#: Rooms by their columns. One that is not named stands at the right.
COLUMNS = {
    "apps": 0.0,
    "verify": 1.0,
    "checks": 2.0,
    "management": 3.0,
    "testing": 4.0,
    "": 1.0,
    "router": 2.0,
    "contrib": 4.0,
    "move": 3.0,
    "writes": 0.0,
    "reads": 1.5,
    "middleware": 3.0,
    "scopes": 1.0,
    "health": 2.5,
    "databases": 2.5,
    "pins": 2.5,
    "conf": 2.5,
    "signals": 1.0,
    "exceptions": 2.5,
    "breaker": 3.5,
}
LAST_COLUMN = 4.0

WIDTH, HEIGHT = 132, 34
COLUMN, FLOOR = 160, 76
MARGIN = 24
GAP = 12

STYLE = """
    .card { fill: #fbfbf9; stroke: #c9c9c2 }
    rect { fill: #fff; stroke: #33506b; stroke-width: 1.5 }
    .rim { stroke-dasharray: 5 4 }
    path.way { fill: none; stroke: #7b8794; stroke-width: 1.5 }
    text { font: 15px ui-monospace, Menlo, Consolas, monospace; fill: #1c2733; text-anchor: middle }
"""

Arrows = dict[str, set[str]]


def arrows() -> Arrows:
    """The rooms that each room imports from."""
    found: Arrows = {}
    for path in files():
        own = room_of(module_of(path))
        found.setdefault(own, set()).update(room_of(to) for to, _ in imports_of(path))
    return {room: others - {room} for room, others in found.items()}


def below(room: str, known: Arrows) -> set[str]:
    """All rooms that a room leads to, over any way."""
    return known[room].union(*(below(other, known) for other in known[room]))


def shortest(known: Arrows) -> Arrows:
    """The arrows without those that a longer way makes superfluous."""
    return {
        room: {one for one in others if not any(one in below(two, known) for two in others)}
        for room, others in known.items()
    }


def floor_of(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def left_of(room: str) -> float:
    return MARGIN + COLUMNS.get(room, LAST_COLUMN) * COLUMN


def top_of(floor: int) -> float:
    return MARGIN + (len(FLOORS) - 1 - floor) * FLOOR


def way(start: str, end: str) -> str:
    """A line from box to box, past the boxes on the floors between."""
    x, goal = left_of(start) + WIDTH / 2, left_of(end) + WIDTH / 2
    first, last = floor_of(start), floor_of(end)
    points = [(x, top_of(first) + HEIGHT)]
    for floor in range(first - 1, last, -1):
        x = free_at(floor, x + (goal - x) / (floor + 1 - last))
        points += [(x, top_of(floor)), (x, top_of(floor) + HEIGHT)]
    points.append((goal, top_of(last) - 3))
    return "M" + " L".join(f"{across:.0f} {down:.0f}" for across, down in points)


def free_at(floor: int, x: float) -> float:
    """The place nearest to ``x`` where no box stands on that floor."""
    for room in FLOORS[floor]:
        left = left_of(room) - GAP
        right = left + WIDTH + 2 * GAP
        if left < x < right:
            return left if x - left < right - x else right
    return x


def draw() -> str:
    """The picture as SVG. It has a light ground of its own, and so is read on a dark page too."""
    width = 2 * MARGIN + LAST_COLUMN * COLUMN + WIDTH
    height = 2 * MARGIN + (len(FLOORS) - 1) * FLOOR + HEIGHT
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}"'
            f' width="{width:.0f}" height="{height:.0f}">',
            f"<style>{STYLE}</style>",
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
            ' markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#7b8794"/>'
            "</marker></defs>",
            f'<rect class="card" x="1" y="1" rx="8" width="{width - 2:.0f}"'
            f' height="{height - 2:.0f}"/>',
            *lines(),
            *boxes(),
            "</svg>\n",
        ]
    )


def lines() -> Iterator[str]:
    for room, others in sorted(shortest(arrows()).items()):
        for other in sorted(others):
            yield f'<path class="way" d="{way(room, other)}" marker-end="url(#head)"/>'


def boxes() -> Iterator[str]:
    for floor, rooms in enumerate(FLOORS):
        for room in sorted(rooms):
            left, top = left_of(room), top_of(floor)
            kind = ' class="rim"' if room in RIM else ""
            yield (
                f'<rect{kind} x="{left:.0f}" y="{top:.0f}" rx="5" width="{WIDTH}"'
                f' height="{HEIGHT}"/>'
                f'<text x="{left + WIDTH / 2:.0f}" y="{top + 22:.0f}">{room or "__init__"}</text>'
            )


if __name__ == "__main__":
    PICTURE.write_text(draw())
