"""The pages themselves: nothing is overlooked, every link leads somewhere, every command exists."""

import doctest
import re
import subprocess
import tomllib

import pytest
from django.core.management import get_commands

import pinning
from tests.docs.conftest import name_of_test
from tests.docs.pages import PAGES, README, ROOT, SNIPPETS

TEXT = "\n".join(page.read_text() for page in PAGES)


def test_no_snippet_is_overlooked():
    fences = re.findall(r"^ *```", TEXT, re.MULTILINE)
    assert len(fences) == 2 * len(SNIPPETS)


def test_every_page_with_python_has_a_test():
    tests = "".join(path.read_text() for path in (ROOT / "tests/docs").glob("test_*.py"))
    pages = {snippet.page for snippet in SNIPPETS if snippet.language == "python"}
    missing = [page.name for page in pages if f"def {name_of_test(page)}(page" not in tests]
    assert missing == ["testing.md"]  # which is a project of its own: test_project.py


def test_what_has_the_prompt_of_pythons_shell_answers_so():
    results = []
    for snippet in SNIPPETS:
        if snippet.language == "pycon":
            parsed = doctest.DocTestParser().get_doctest(snippet.text, {}, str(snippet), None, 0)
            results.append(doctest.DocTestRunner().run(parsed))
    assert sum(result.attempted for result in results) > 0
    assert [result.failed for result in results] == [0] * len(results)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_heading(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        linked = page.parent / name
        if name.startswith("https://"):
            continue
        assert linked.is_file(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, target


def slug(heading: str) -> str:
    """What GitHub and MyST make of it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize(
    "name", sorted(set(pinning.__all__) - {"Read", "Reason", "Scope", "Write", "current_scope"})
)
def test_what_a_view_may_use_has_an_example(name):
    imports = re.findall(r"^from pinning import (.+)$", TEXT, re.MULTILINE)
    assert name in {found for line in imports for found in line.split(", ")}


def test_every_command_of_manage_py_exists():
    named = set(re.findall(r"manage\.py (\w+)", TEXT))
    assert "check" in named
    assert named <= get_commands().keys() - {""}


def test_every_target_of_make_exists():
    named = set(re.findall(r"(?:^    |`)make (\w+)", TEXT, re.MULTILINE))
    assert {"demo", "test", "docs"} <= named
    for target in named:
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


def test_every_extra_exists():
    named = set(re.findall(r"django-pinning\[(\w+)\]", TEXT))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert named
    assert named <= project["optional-dependencies"].keys()


def test_the_readme_is_short():
    assert len(README.read_text().splitlines()) <= 150
