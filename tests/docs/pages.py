"""The pages, and their snippets: what is between three backquotes."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import django

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [
    README,
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
]

#: Also inside the item of a list.
_FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# ([\w/.]+\.\w+)\n")
_SETTING = re.compile(
    r"^(PINNING|INSTALLED_APPS|MIDDLEWARE|DATABASE_ROUTERS|DATABASES|CACHES|TASKS|LOGGING) = ",
    re.MULTILINE,
)
_NEEDS_TASKS = re.compile(
    r"^from (django\.tasks|django_tasks\w*|pinning\.contrib\.tasks)", re.MULTILINE
)


#: Of a function on its page: line and column.
Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Snippet:
    """One block of a page."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        """Where it stands, for a person."""
        return f"{self.page.name}:{self.line}"

    @property
    def path(self) -> str:
        """The file that it is, where its first line is a comment that says so."""
        found = _FILE.match(self.text)
        return found[1] if found else ""

    @property
    def is_settings(self) -> bool:
        """Whether it is Python that sets what Django or pinning reads."""
        return self.language == "python" and _SETTING.search(self.text) is not None

    @property
    def is_runnable(self) -> bool:
        """Whether it is Python, and this Django has what it needs: tasks since 6.0."""
        has_all = django.VERSION >= (6, 0) or not _NEEDS_TASKS.search(self.text)
        return self.language == "python" and has_all


def snippets(page: Path) -> list[Snippet]:
    """All of a page, in order."""
    text = page.read_text()
    return [
        Snippet(page, text.count("\n", 0, found.start(3)) + 1, found[2], dedent(found[3]))
        for found in _FENCE.finditer(text)
    ]


SNIPPETS = [snippet for page in PAGES for snippet in snippets(page)]


class Run:
    """The Python of a page, run in order in one namespace, as it would stand in one file.

    ``uncalled`` are the functions and lambdas that nobody has called since.
    """

    def __init__(self, page: Path, names: dict[str, Any]) -> None:
        """Run it, where ``names`` are there already."""
        self.names = names
        self._functions: dict[Place, str] = {}
        self._called: set[Place] = set()
        names["_called"] = self._called.add
        for snippet in snippets(page):
            if snippet.is_runnable:
                self._run(snippet)

    @property
    def uncalled(self) -> list[str]:
        """By line and name."""
        left = self._functions.keys() - self._called
        return [f"line {place[0]}: {self._functions[place]}" for place in sorted(left)]

    def _run(self, snippet: Snippet) -> None:
        tree = ast.parse(snippet.text)
        ast.increment_lineno(tree, snippet.line - 1)
        tree = ast.fix_missing_locations(_Marks(self._functions).visit(tree))
        exec(compile(tree, str(snippet.page), "exec"), self.names)


class _Marks(ast.NodeTransformer):
    """Lets each function note that it was called."""

    def __init__(self, functions: dict[Place, str]) -> None:
        self._functions = functions

    def visit_FunctionDef(self, node: Any) -> Any:
        self.generic_visit(node)
        self._functions[_place(node)] = node.name
        place = 1 if ast.get_docstring(node) is not None else 0
        node.body.insert(place, ast.Expr(self._mark(node)))
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Lambda(self, node: Any) -> Any:
        self.generic_visit(node)
        self._functions[_place(node)] = "lambda"
        node.body = ast.BoolOp(ast.Or(), [self._mark(node), node.body])
        return node

    @staticmethod
    def _mark(node: Any) -> ast.expr:
        return ast.parse(f"_called({_place(node)})", mode="eval").body


def _place(node: Any) -> Place:
    return node.lineno, node.col_offset
