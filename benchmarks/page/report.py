"""Makes the tables of the pages and their plots from the raw numbers; the words on the pages stay.

A generated part stands between two comments, ``begin`` and ``end``, with the name of a function of
``tables``. ``python -m benchmarks.page.report`` needs no server and no settings.
"""

import re
from pathlib import Path

from benchmarks.page import results, tables

_ROOT = Path(__file__).parents[2]
_DOCS = _ROOT / "docs"
PAGES = (_DOCS / "benchmarks.md", _DOCS / "databases.md", _DOCS / "verify.md", _ROOT / "README.md")
PLOTS = _DOCS / "benchmarks"

_PART = re.compile(r"(<!-- begin: (\w+) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)


def write(directory: Path = results.DIRECTORY) -> None:
    """Make the pages and the plots anew."""
    from benchmarks.page import plots  # matplotlib is needed for nothing else

    write_pages(directory)
    plots.draw(directory, PLOTS)


def write_pages(directory: Path = results.DIRECTORY) -> None:
    """Make the pages anew."""
    for file in PAGES:
        file.write_text(page(file.read_text(), directory))


def page(text: str, directory: Path) -> str:
    """A page with its generated parts made anew."""
    return _PART.sub(lambda found: f"{found[1]}{_part(found[2], directory)}{found[3]}", text)


def parts(text: str) -> list[str]:
    """The names of the generated parts of a page."""
    return [name for _, name, _ in _PART.findall(text)]


def all_tables(directory: Path) -> str:
    """Every table for which there are numbers, to look at."""
    names = [name for file in PAGES for name in parts(file.read_text())]
    made = [(name, getattr(tables, name)(directory)) for name in names]
    return "\n\n".join(f"{name}\n\n{table}" for name, table in made if table)


def _part(name: str, directory: Path) -> str:
    table: str = getattr(tables, name)(directory)
    return f"\n{table}\n\n" if table else ""


if __name__ == "__main__":
    write()
