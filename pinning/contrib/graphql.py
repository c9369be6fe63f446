"""Tells GraphQL requests by POST that only read, for SAFE_METHODS. Needs graphql-core."""

import json
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.request import RawPostDataException
from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse

#: What a client asks in more tokens or letters than these is taken for a mutation. All queries of a
#: request share them: nobody has looked yet whether the client may ask anything at all.
_MOST_TOKENS, _MOST_LETTERS = 10_000, 100_000


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
    except (ValueError, RecursionError, RequestDataTooBig, RawPostDataException):
        return False
    batch = asked if isinstance(asked, list) else [asked]
    texts = [text for text in map(_text_of, batch) if text is not None]
    if not texts or len(texts) < len(batch) or sum(map(len, texts)) > _MOST_LETTERS:
        return False
    most_tokens = _MOST_TOKENS // len(texts)
    return all(_only_reads(text, most_tokens) for text in texts)


def _text_of(asked: Any) -> str | None:
    text = asked.get("query") if isinstance(asked, dict) else None
    return text if isinstance(text, str) else None


def _only_reads(text: str, most_tokens: int) -> bool:
    """Whether every operation in it is a query, whichever of them is meant."""
    try:
        document = parse(text, no_location=True, max_tokens=most_tokens)
    except (GraphQLError, RecursionError):
        return False
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    return bool(operations) and all(one.operation is OperationType.QUERY for one in operations)
