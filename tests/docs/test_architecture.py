"""What the pages for contributors name is there: files, functions, and the picture of the rooms."""

import ast
import re
from pathlib import Path

import pytest

from tests.docs import picture
from tests.docs.pages import ROOT
from tests.test_house import PACKAGE

PAGES = [ROOT / "docs" / "architecture.md", ROOT / "CONTRIBUTING.md"]

_QUOTED = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?:[\w.]+/)+(?:[\w.]+)?|[\w]+\.(?:md|toml)|Makefile")
_CALL = re.compile(r"((?:\w+\.)?\w+)\(\)")
#: What begins a new thought: a row's cell, an item, a sentence.
_PARTS = re.compile(r"\||^\d+\. |\n\n|(?<=[.;:]) |(?<=[.;:])\n", re.MULTILINE)


def file_of(name: str) -> Path:
    """Where a file of the page is: the package may be installed somewhere else than its tests."""
    return PACKAGE.parent / name if name.startswith("pinning/") else ROOT / name


def paths_of(page: Path) -> list[str]:
    return [name for name in _QUOTED.findall(page.read_text()) if _PATH.fullmatch(name)]


def calls_of(page: Path) -> set[tuple[str, str]]:
    """Each function with its file: the one in the same sentence, else the one named last."""
    found, last = set(), ""
    for part in _PARTS.split(page.read_text()):
        quoted = _QUOTED.findall(part)
        paths = [name for name in quoted if _PATH.fullmatch(name) and name.endswith(".py")]
        for name in quoted:
            if name in paths:
                last = name
            elif call := _CALL.fullmatch(name):
                behind = [path for path in paths if part.index(path) > part.index(name)]
                found.add((call[1], next(iter(behind), last)))
    return found


def names_in(path: Path) -> set[str]:
    """The functions and classes of a file, methods as `Class.method`."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{each.name}" for each in node.body if hasattr(each, "name")}
    return found


def names_with_capitals() -> set[str]:
    """The classes, and the tables of the code, which are written in capitals."""
    quoted = {name for page in PAGES for name in _QUOTED.findall(page.read_text())}
    return {name for name in quoted if re.fullmatch(r"_?[A-Z][A-Za-z_]+", name)} - {"Makefile"}


@pytest.mark.parametrize(
    ("page", "name"), [(page, name) for page in PAGES for name in paths_of(page)]
)
def test_a_file_that_is_named_exists(page, name):
    assert file_of(name).exists()


@pytest.mark.parametrize(
    ("name", "file"), sorted(call for page in PAGES for call in calls_of(page))
)
def test_a_function_that_is_named_exists(name, file):
    assert name in names_in(file_of(file))


@pytest.mark.parametrize("name", sorted(names_with_capitals()))
def test_a_class_or_table_that_is_named_exists(name):
    line = re.compile(rf"""^\s*(?:class )?"?{name}\b""", re.MULTILINE)
    folders = (PACKAGE, ROOT / "tests")
    assert any(line.search(path.read_text()) for each in folders for path in each.rglob("*.py"))


def test_many_functions_are_named():
    assert len(calls_of(PAGES[0])) > 25


def test_the_picture_is_that_of_the_imports():
    assert picture.PICTURE.read_text() == picture.draw(), "run: python -m tests.docs.picture"


def test_no_arrow_of_the_picture_leads_up():
    for room, others in picture.arrows().items():
        assert all(picture.floor_of(other) < picture.floor_of(room) for other in others)
