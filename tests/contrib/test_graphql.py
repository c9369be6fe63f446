"""Which GraphQL requests only read."""

import json

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
