"""The layout of the source: what is for tests alone is known by tests alone."""

import ast
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = Path(find_spec("pinning").origin).parent  # it may be installed elsewhere
FOLDERS = (
    PACKAGE,
    *(ROOT / name for name in ("benchmarks", "engines", "example_project", "proof")),
)
FILES = [path for folder in FOLDERS for path in sorted(folder.rglob("*.py"))]


def named_in(source: str) -> Iterator[str]:
    """The modules that are imported, and texts that may name one, as in settings."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def leads_to_tests(source: str) -> list[str]:
    return [name for name in named_in(source) if re.match(r"tests(\.\w+)*$", name)]


def test_every_folder_has_files():
    assert all(any(folder in path.parents for path in FILES) for folder in FOLDERS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-3:]))
def test_nothing_imports_from_tests(path: Path):
    assert leads_to_tests(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    ["import tests.live", "from tests import services", 'os.environ["X"] = "tests.settings"'],
)
def test_an_import_is_seen_in_whatever_way(source: str):
    assert leads_to_tests(source)
