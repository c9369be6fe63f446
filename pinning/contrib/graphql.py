"""Tells GraphQL requests by POST that only read, for SAFE_METHODS. Needs graphql-core."""

import json
from typing import Any

from django.http import HttpRequest
from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse

#: What a client asks in more tokens than this is taken for a mutation.
_MOST_TOKENS = 10_000


def is_query(request: HttpRequest) -> bool:
    """Whether ``request`` asks GraphQL queries as JSON, and no mutation or subscription.

    Ask it for the paths of your GraphQL views alone: elsewhere a client could write JSON that looks
    like a query, and have its request read from a replica before it writes. It reads the body.
    False for what cannot be understood. Of persisted queries it knows nothing.
    """
    if request.content_type != "application/json" or "query" in request.GET:
        return False  # graphene takes the address before the body
    try:
        asked = json.loads(request.body)
    except (ValueError, RecursionError):
        return False
    batch = asked if isinstance(asked, list) else [asked]
    return bool(batch) and all(map(_only_reads, batch))


def _only_reads(asked: Any) -> bool:
    """Whether every operation in it is a query, whichever of them is meant."""
    text = asked.get("query") if isinstance(asked, dict) else None
    if not isinstance(text, str):
        return False
    try:
        document = parse(text, no_location=True, max_tokens=_MOST_TOKENS)
    except (GraphQLError, RecursionError):
        return False
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    return bool(operations) and all(one.operation is OperationType.QUERY for one in operations)
