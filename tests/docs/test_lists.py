"""What the pages list is what the code has: reasons, settings, checks and log messages."""

import ast
import inspect
import math
import re
from pathlib import Path

import pytest
from django.test import override_settings

import pinning
from pinning import Reason
from pinning.checks import deployment
from pinning.conf import rules
from pinning.conf.settings import parse
from pinning.exceptions import NotAPrimaryError
from pinning.pins import room
from pinning.pins.cookies import names
from tests.docs.pages import ROOT

PACKAGE = Path(pinning.__file__).parent
CODE = [path for path in PACKAGE.rglob("*.py") if "testing" not in path.relative_to(PACKAGE).parts]
LEVELS = {"E": "error", "W": "warning"}


def rows(page: str, pattern: str) -> list[tuple[str, ...]]:
    """The rows of a page's tables that begin as ``pattern`` says."""
    text = (ROOT / "docs" / page).read_text()
    found: list[tuple[str, ...]] = re.findall(rf"^\| {pattern}", text, re.MULTILINE)
    return found


def test_the_table_of_reads_has_every_reason_in_the_order_of_the_code():
    table = rows("how-it-works.md", r"(\d+) \|.*\| `(\w+)` \|$")
    assert table == [(str(number), reason) for number, reason in enumerate(Reason, start=1)]


def test_every_setting_has_a_heading_and_its_default():
    text = (ROOT / "docs" / "settings.md").read_text()
    told = re.findall(r"^## ([A-Z_]+)\n\nDefault: `(.+?)`", text, re.MULTILINE)
    assert sorted(name for name, _ in told) == sorted(rules.RULES)
    for name, value in told:
        assert parse({name: ast.literal_eval(value)}) == parse({}), name


def test_every_key_of_the_cookie_has_a_row():
    keys = rows("settings.md", r"`([A-Z]+)` \|")
    assert sorted(keys) == sorted(rules._COOKIE_TYPES)


def test_every_check_has_a_row_and_its_level():
    ids = set(re.findall(r'"pinning\.([EW]\d{3})"', "".join(path.read_text() for path in CODE)))
    table = rows("checks.md", r"`pinning\.([EW]\d{3})` \| (\w+)")
    assert table == [(id_, LEVELS[id_[0]]) for id_ in sorted(ids)]


def test_checks_of_a_deployment_are_marked():
    marked = rows("checks.md", r"`(pinning\.\w+)` \| \w+, deploy \|")
    sources = [inspect.getsource(check) for check in deployment._DEPLOYMENT_CHECKS]
    assert marked == [re.findall(r"pinning\.W\d{3}", source)[0] for source in sources]


def test_the_checks_of_values_alone_are_named():
    text = (ROOT / "docs" / "checks.md").read_text()
    (named,) = re.findall(r"of the wrong kind \((.+?)\)", text)
    ids = {id_ for part in re.findall(r"E(\d+)(?: to E(\d+))?", named) for id_ in numbers(*part)}
    of_values = {int(rule.id[-3:]) for rule in rules.RULES.values()}
    assert ids == of_values | {1, 2}  # PINNING itself, and its keys


def numbers(first: str, last: str) -> range:
    return range(int(first), int(last or first) + 1)


CHANCES = rows(
    "stores.md", r"`([\w-]+)` \| `cookie`( and another)? \| (.+?) \| (\d) of (\d+) \| ([\d,]+) \|$"
)


@pytest.mark.parametrize(("name", "another", "domain", "each", "marks", "pairs"), CHANCES)
def test_the_chance_that_a_pin_is_lost_is_told(name, another, domain, each, marks, pairs):
    """There are five slots, and one of two writes is the later."""
    longest = int("".join(filter(str.isdigit, domain)) or 0)
    pinning_settings = {"STORES": ["cookie", *["cache"] * bool(another)], "COOKIE": {"NAME": name}}
    told = {"SESSION_COOKIE_SECURE": True, "PINNING": pinning_settings}
    with override_settings(**told, SESSION_COOKIE_DOMAIN="d" * longest or None):
        drawn = len(names().marks) - 1  # the late mark is not
        assert (room.marks_each(), drawn) == (int(each), int(marks))
        found = 10 * math.comb(int(marks) - int(each), int(each))
        assert found == pytest.approx(int(pairs.replace(",", "")), rel=0.02)
    with override_settings(**told, SESSION_COOKIE_DOMAIN="d" * (longest + 1)):
        assert name == "__Host-pinning" or room.marks_each() < int(each)


def test_the_table_of_chances_is_read():
    assert len(CHANCES) == 7


def logged() -> list[tuple[str, str]]:
    """The level and the template of each message of the logger."""
    return [
        (node.func.attr, ast.literal_eval(node.args[0]))
        for path in CODE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "logger"
        and node.func.attr != "isEnabledFor"
    ]


def pattern_of(template: str) -> str:
    """What it may look like when it is filled. An error that is all of it has its own words."""
    if template == "%s":
        template = str(NotAPrimaryError("default"))[:70] + "%s"
    return ".+".join(map(re.escape, re.split(r"%[\w.]+", template)))


@pytest.mark.parametrize(("level", "template"), logged())
def test_every_log_message_has_a_row(level, template):
    told = rows("operations.md", r"(debug|info|warning|error) \| `(.+?)` \|")
    assert level in {of for of, text in told if re.fullmatch(pattern_of(template), text)}, template


def test_no_row_has_a_message_that_is_never_logged():
    told = rows("operations.md", r"(debug|info|warning|error) \| `(.+?)` \|")
    patterns = [(level, pattern_of(template)) for level, template in logged()]
    for level, text in told:
        assert any(of == level and re.fullmatch(pattern, text) for of, pattern in patterns), text
    assert len(told) == len(patterns)
