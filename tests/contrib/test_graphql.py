"""Which GraphQL requests only read."""

import json

import graphql
import pytest
from django.http import QueryDict
from django.test import RequestFactory

from pinning.contrib.graphql import is_query

QUERY, MUTATION = "query Notes { notes { text } }", 'mutation { add(text: "new") { text } }'


def asks(body, content_type="application/json"):
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return is_query(RequestFactory().post("/graphql", data, content_type=content_type))


@pytest.mark.parametrize(
    "body",
    [
        {"query": QUERY},
        {"query": "{ notes { text } }", "variables": {"a": 1}},
        {"query": QUERY + " fragment All on Note { text }", "operationName": "Notes"},
        [{"query": QUERY}, {"query": "{ notes { text } }"}],
    ],
)
def test_queries_only_read(body):
    assert asks(body)


@pytest.mark.parametrize(
    "body",
    [
        {"query": MUTATION},
        {"query": f"{QUERY} {MUTATION}", "operationName": "Notes"},
        {"query": "subscription { notes { text } }"},
        {"query": "fragment All on Note { text }"},
        {"query": "a search"},
        {"query": "{" * 2_000},
        {"query": "{ a }" * 5_000},
        {"query": ["{ a }"]},
        {"id": "persisted"},
        [{"query": QUERY}, {"query": MUTATION}],
        [],
        "null",
        "{",
        "[" * 100_000,
        b"\xff",
        "",
    ],
)
def test_all_else_may_write(body):
    assert not asks(body)


@pytest.mark.parametrize("query", [MUTATION, QUERY])
def test_what_its_address_asks_may_write(query):
    """graphene takes that before the body."""
    address = QueryDict.fromkeys(["query"], query).urlencode()
    data = json.dumps({"query": QUERY})
    path = f"/graphql?{address}"
    assert not is_query(RequestFactory().post(path, data, content_type="application/json"))


def test_an_upload_may_write():
    request = RequestFactory().post("/graphql", {"operations": json.dumps({"query": QUERY})})
    assert not is_query(request)
    assert not asks(json.dumps({"query": QUERY}), "text/plain")


LONG = {"query": "{" + "a " * 9_000 + "}"}
MUCH = {
    "a batch of long queries": [LONG] * 5,
    "a batch of many queries": [{"query": "{ a }"}] * 15_000,
    "a long text": {"query": '{ a(b: "' + "x" * 2_000_000 + '") }'},
    "a long comment": {"query": "#" + "x" * 2_000_000 + "\n{ a }"},
}


@pytest.mark.parametrize("name", MUCH)
def test_what_takes_long_to_understand_may_write(name):
    """Nobody has looked yet whether the client may ask at all, and the view may take no batches."""
    assert not asks(MUCH[name])


def test_all_queries_of_a_request_share_what_is_looked_at(monkeypatch):
    looked = []

    def parse(text, *, max_tokens, **more):
        looked.append(max_tokens)
        return graphql.parse(text, max_tokens=max_tokens, **more)

    monkeypatch.setattr("pinning.contrib.graphql.parse", parse)
    assert asks(LONG)
    assert asks([{"query": QUERY}] * 200)
    assert [sum(looked[:1]), sum(looked[1:])] == [10_000, 10_000]


def test_a_body_that_is_too_large_is_left_to_the_view(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    assert not asks({"query": QUERY})


def test_a_body_that_is_read_already_may_write():
    data = json.dumps({"query": QUERY})
    request = RequestFactory().post("/graphql", data, content_type="application/json")
    request.read(1)
    assert not is_query(request)
