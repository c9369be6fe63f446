"""The PINNING setting: what it may be, and what its problems say."""

import math
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from pinning import conf
from pinning.conf import rules
from pinning.conf.rules import find_problems
from pinning.conf.settings import Cookie, Settings, parse

DOCS = Path(__file__).parents[2] / "docs"


def test_no_setting_at_all_has_defaults():
    assert parse({}) == Settings()


def test_every_key_has_a_field_and_every_field_a_key():
    names = {field.name for field in fields(Settings)}
    assert names == {key.lower() for key in rules.RULES} | {"weights"}  # a part of REPLICAS


def test_every_key_has_a_section_in_the_docs_and_every_section_a_key():
    headings = [
        line.removeprefix("## ").strip("`")
        for line in (DOCS / "settings.md").read_text().splitlines()
        if line.startswith("## ")
    ]
    assert sorted(headings) == sorted(rules.RULES)


@pytest.mark.parametrize(
    ("raw", "name", "value"),
    [
        ({"REPLICAS": {"default": ["one", "two"]}}, "replicas", {"default": ("one", "two")}),
        ({"REPLICAS": {"default": ()}}, "replicas", {"default": ()}),
        ({"REPLICAS": {"default": {"one": 2, "two": 1}}}, "replicas", {"default": ("one", "two")}),
        ({"REPLICAS": {"default": {"one": 2}, "b": ["two"]}}, "weights", {"one": 2}),
        ({"WINDOW": 2}, "window", 2),
        ({"WINDOW": 0.5}, "window", 0.5),
        ({"MAX_PIN": 90}, "max_pin", 90),
        ({"STORES": ["cookie", "redis"]}, "stores", ("cookie", "redis")),
        ({"COOKIE": {}}, "cookie", Cookie()),
        ({"COOKIE": {"NAME": "__Host-pin"}}, "cookie", Cookie(name="__Host-pin")),
        ({"COOKIE": {"SECURE": True}}, "cookie", Cookie(secure=True)),
        ({"COOKIE": {"SAMESITE": "Strict"}}, "cookie", Cookie(samesite="Strict")),
        ({"CACHE": "pins"}, "cache", "pins"),
        ({"PRIMARY_MODELS": ["auth.User"]}, "primary_models", ("auth.User",)),
        ({"UNPINNED_MODELS": ["sessions.Session"]}, "unpinned_models", ("sessions.Session",)),
        ({"MODELS": {"shop": "orders"}}, "models", {"shop": "orders"}),
        ({"MODELS": {"shop.Order": len}}, "models", {"shop.Order": len}),
        ({"READ_ONLY": ["legacy"]}, "read_only", ("legacy",)),
        ({"IDENTITY": None}, "identity", None),
        ({"IDENTITY": len}, "identity", len),
        ({"IDENTITY": "site.identity"}, "identity", "site.identity"),
        ({"SAFE_METHODS": ["get", "QUERY"]}, "safe_methods", frozenset({"GET", "QUERY"})),
        ({"SAFE_METHODS": bool}, "safe_methods", bool),
        ({"USE_REPLICAS": False}, "use_replicas", False),
        ({"USE_REPLICAS": bool}, "use_replicas", bool),
        ({"USE_REPLICAS": "shadow"}, "use_replicas", "shadow"),
        ({"SHADOW_SAMPLE": 0.01}, "shadow_sample", 0.01),
        ({"SHADOW_SAMPLE": 1}, "shadow_sample", 1),
        ({"RETRY_AFTER": 1}, "retry_after", 1),
        ({"MAX_LAG": None}, "max_lag", None),
        ({"PROBE_TIMEOUT": None}, "probe_timeout", None),
        ({"TASKS": "replica"}, "tasks", "replica"),
    ],
)
def test_a_good_value_is_taken(raw, name, value):
    assert getattr(parse(raw), name) == value


BAD_SECONDS = [0, -1, "5", None, True, math.nan, math.inf, 1e9]
BAD_NAMES = ["default", None, 5, [1], {"default"}]


@pytest.mark.parametrize(
    ("id", "key", "values"),
    [
        (
            "E003",
            "REPLICAS",
            [
                None,
                ["replica1"],
                {"default": "replica1"},
                {"default": [1]},
                {1: []},
                {"default": {"one": 0}},
            ],
        ),
        ("E004", "WINDOW", BAD_SECONDS),
        ("E005", "MAX_PIN", BAD_SECONDS),
        ("E006", "STORES", [*BAD_NAMES, []]),
        ("E007", "COOKIE", [None, "pinning", {"name": "a"}, {"MAX_AGE": 5}]),
        ("E007", "COOKIE", [{"NAME": name} for name in ("", "a b", "a;", "a=b", "é", None, 5)]),
        ("E007", "COOKIE", [{"SECURE": "yes"}, {"SAMESITE": "lax"}]),
        ("E007", "COOKIE", [{"DOMAIN": 5}, {"PATH": 5}]),
        ("E008", "CACHE", [None, 5, ["default"]]),
        ("E009", "PRIMARY_MODELS", [*BAD_NAMES, ["Session"], ["django.contrib.Session"]]),
        ("E034", "UNPINNED_MODELS", [*BAD_NAMES, ["Session"], ["django.contrib.Session"]]),
        ("E010", "SAFE_METHODS", ["GET", None, [1]]),
        ("E011", "USE_REPLICAS", [None, 1, "yes"]),
        ("E047", "SHADOW_SAMPLE", [None, "1", True, -0.1, 1.1, math.nan]),
        ("E012", "RETRY_AFTER", BAD_SECONDS),
        ("E029", "MAX_LAG", [value for value in BAD_SECONDS if value is not None]),
        ("E030", "PROBE_TIMEOUT", [value for value in BAD_SECONDS if value is not None]),
        ("E022", "MODELS", [None, "shop", ["shop"], {"shop": None}, {"shop": 5}, {"shop": ""}]),
        ("E022", "MODELS", [{1: "orders"}, {"": "orders"}, {"shop.": "orders"}, {".a": "orders"}]),
        ("E022", "MODELS", [{"my.shop.Order": "orders"}, {"shop": ["orders"]}]),
        ("E026", "READ_ONLY", BAD_NAMES),
        ("E031", "TASKS", ["", "Primary", None, True, ["primary"], {}]),
        ("E032", "IDENTITY", [5, True, "", "user", ["site.identity"]]),
    ],
)
def test_a_bad_value_is_one_problem_with_the_id_of_its_key(id, key, values):  # noqa: A002
    for value in values:
        assert [problem.id for problem in find_problems({key: value})] == [f"pinning.{id}"]


@pytest.mark.parametrize("raw", [None, [], "default", 5])
def test_what_is_no_dict_is_a_problem(raw):
    assert [problem.id for problem in find_problems(raw)] == ["pinning.E001"]


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("WINDW", "WINDOW"),
        ("REPLICA", "REPLICAS"),
        ("window", "WINDOW"),
        ("MAXPIN", "MAX_PIN"),
        ("STORE", "STORES"),
        ("COOKIES", "COOKIE"),
    ],
)
def test_an_unknown_key_names_the_nearest(key, nearest):
    (problem,) = find_problems({key: 5})
    assert (problem.id, problem.hint) == ("pinning.E002", f"Did you mean {nearest!r}?")


@pytest.mark.parametrize("key", [5, "", None, "§"])
def test_any_unknown_key_is_a_problem_and_no_crash(key):
    assert [problem.id for problem in find_problems({key: 5})] == ["pinning.E002"]


def test_every_problem_is_told_at_once():
    assert len(find_problems({"WINDOW": 0, "MAX_PIN": 0, "SPEED": 1})) == 3


def test_a_problem_tells_the_value_and_what_to_do():
    (problem,) = find_problems({"WINDOW": "five"})
    assert "'five'" in problem.message
    assert problem.hint


def test_parsing_a_bad_value_raises_with_what_to_do():
    with pytest.raises(ImproperlyConfigured, match=r"must be a positive number.*pinning\.E004"):
        parse({"WINDOW": 0})


def test_settings_do_not_change():
    with pytest.raises(FrozenInstanceError):
        conf.settings().window = 1


def test_settings_are_read_once():
    assert conf.settings() is conf.settings()


def test_settings_are_read_anew_when_a_test_overrides_them():
    with override_settings(PINNING={"WINDOW": 7}):
        assert conf.settings().window == 7
    assert conf.settings().window == 5


def test_another_setting_does_not_make_them_read_anew():
    before = conf.settings()
    with override_settings(DEBUG=True):
        assert conf.settings() is before
