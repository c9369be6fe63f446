"""What Django's ORM makes of a wide choice of queries, for any database."""

import itertools
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.exceptions import EmptyResultSet, FieldError, ValidationError
from django.db import DatabaseError, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    Aggregate,
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FilteredRelation,
    JSONField,
    OuterRef,
    Prefetch,
    Q,
    Subquery,
    Value,
    When,
    Window,
    aggregates,
    functions,
)
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast

from tests.notes.models import Attachment, Comment, Note, Tag

_TROUBLE = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    FieldError,
    ValidationError,
    DatabaseError,
    NotImplementedError,
)

_ARGUMENTS = (
    *(("text",), ("id",), ("author__last_login",), ("text", "text"), ("id", "id")),
    *(("text", Value(1)), ("text", Value(1), Value(2)), ("text", Value("a"), Value("b"))),
    *(("author__last_login", Value("day")), (), ("id", Value(2))),
)


def calls() -> Iterator[Any]:
    """Every function and aggregate that Django has, with arguments of all kinds."""
    kinds = [getattr(functions, name) for name in functions.__all__]
    kinds += [getattr(aggregates, name) for name in aggregates.__all__]
    for kind, arguments in itertools.product(kinds, _ARGUMENTS):
        if not (isinstance(kind, type) and issubclass(kind, models.Func)) or kind is Aggregate:
            continue
        for extra in ({}, {"output_field": models.TextField()}, {"distinct": True}):
            try:
                call = kind(*arguments, **extra)
            except _TROUBLE:
                continue
            yield call
            if getattr(call, "window_compatible", False):
                yield Window(call, partition_by="text", order_by="id")


def querysets() -> Iterator[Any]:
    """Queries with joins, subqueries, lookups of every kind, calls, unions, locks left out."""
    notes = Note.objects
    yield from (notes.all(), notes.filter(pk__in=range(300)), notes.order_by("?"), notes.distinct())
    yield notes.select_related("author").filter(Q(author__username="a") | ~Q(tags__name="b"))
    yield notes.prefetch_related(Prefetch("tags")).filter(comments__text="a").exclude(tags=None)
    yield notes.annotate(n=Count("tags", filter=Q(tags__name="a"), distinct=True)).filter(n__gt=1)
    yield notes.annotate(f=FilteredRelation("tags", condition=Q(tags__name="a"))).filter(f=1)
    newest = Attachment.objects.filter(note=OuterRef("pk")).order_by("-name").values("name")[:1]
    yield notes.annotate(newest=Subquery(newest)).filter(Exists(newest))
    yield notes.annotate(a=Case(When(text="a", then=Value(1)), When(Q(pk=2), then=F("pk"))))
    yield notes.union(notes.filter(pk=1), all=True).order_by("pk")[3:9]
    yield notes.values("text").annotate(n=Count("*")).order_by("-n")
    yield notes.annotate(a=ExpressionWrapper(F("pk") * 2 % 3, models.IntegerField()))
    yield User.objects.filter(groups__permissions__codename="a", is_active=True)
    yield Session.objects.filter(expire_date__gt=functions.Now())
    yield Comment.objects.select_related("content_type")
    yield from (User.objects.dates("date_joined", kind) for kind in ("year", "week", "day"))
    yield User.objects.datetimes("date_joined", "hour")
    yield from _lookups()
    document = Cast("text", JSONField())
    for path in (KeyTransform("a", document), KeyTextTransform("b", KeyTransform(0, document))):
        yield notes.annotate(a=path).filter(a="x")
    yield from (notes.annotate(a=document).filter(**{f"a__{tail}": {"a": 1}}) for tail in _JSON)
    for base, call in itertools.product((notes, notes.values("author")), calls()):
        try:
            yield base.annotate(a=call)
        except _TROUBLE:
            continue


_JSON = ("exact", "contains", "contained_by", "x__y__0", "x__isnull", "has_keys", "x__icontains")


def _lookups() -> Iterator[Any]:
    """Every registered lookup and transform, with a value and with a column."""
    for model, name in ((Note, "text"), (Note, "id"), (User, "last_login"), (User, "is_staff")):
        field = model._meta.get_field(name)
        for lookup in field.get_lookups():
            for value in ("a", 1, F(name), [1, 2], (1, 2), True, "2026-01-01 00:00Z"):
                if lookup == "range" and not isinstance(value, (list, tuple)):
                    continue  # which makes no SQL
                try:
                    yield model.objects.filter(**{f"{name}__{lookup}": value})
                except _TROUBLE:
                    continue


def texts_of(connection: BaseDatabaseWrapper, queries: Iterator[Any]) -> list[str]:
    """The texts of all that this database supports."""
    texts = []
    for query in queries:
        try:
            texts.append(query.query.get_compiler(connection=connection).as_sql()[0])
        except (*_TROUBLE, EmptyResultSet):
            continue
    return list(dict.fromkeys(texts))


def postgresql_querysets() -> Iterator[Any]:
    """What ``django.contrib.postgres`` adds."""
    from django.contrib.postgres import aggregates as own
    from django.contrib.postgres import functions as more
    from django.contrib.postgres import search
    from django.contrib.postgres.expressions import ArraySubquery
    from django.contrib.postgres.fields import ArrayField, HStoreField, IntegerRangeField

    notes, vector, query = Note.objects, search.SearchVector("text", weight="A"), search.SearchQuery
    yield notes.annotate(a=vector).filter(a=query("a") & ~query("b"))
    for kind in ("plain", "phrase", "raw", "websearch"):
        words = query("a", search_type=kind, config="english")
        yield notes.annotate(a=search.SearchRank(vector, words, cover_density=True)).order_by("a")
        yield notes.annotate(a=search.SearchHeadline("text", words, start_sel="<b>"))
    for kind in (search.TrigramSimilarity, search.TrigramDistance):
        yield notes.annotate(a=kind("text", "a")).filter(a__gt=0.3)
    for kind in (search.TrigramWordSimilarity, search.TrigramStrictWordSimilarity):
        yield notes.annotate(a=kind("a", "text")).filter(a__gt=0.3)
    yield notes.annotate(a=more.RandomUUID(), b=more.TransactionNow())
    yield notes.annotate(a=ArraySubquery(Tag.objects.values("name")))
    for kind in vars(own).values():
        if getattr(kind, "function", None) is None:  # one for others to inherit
            continue
        for arguments in (("text",), ("id",), ("text", Value(",")), ("id", "id")):
            for extra in ({}, {"distinct": True}, {"order_by": "id"}):
                try:
                    yield notes.values("author").annotate(a=kind(*arguments, **extra))
                except _TROUBLE:
                    continue
    array, pairs = ArrayField(models.TextField()), HStoreField()
    for field, tails in (
        (array, ("contains", "contained_by", "overlap", "len", "0", "0_2", "exact")),
        (pairs, ("contains", "has_key", "has_keys", "has_any_keys", "keys", "values", "a")),
        (IntegerRangeField(), ("contains", "startswith", "endswith", "isempty", "fully_lt")),
    ):
        for tail, value in itertools.product(tails, (["a"], "a", 1, {"a": "b"}, (1, 2), F("text"))):
            try:
                yield notes.annotate(a=Cast("text", field)).filter(**{f"a__{tail}": value})
            except _TROUBLE:
                continue
