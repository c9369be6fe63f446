"""Things with values that are hard to carry from one database to another."""

import datetime
import uuid
from decimal import Decimal
from typing import Any

from django.db.models import JSONField, Value

from tests.move.models import Thing


def make(alias: str, **more: Any) -> list[Thing]:
    """Some, the last of which refers to nothing and the first to the last."""
    last = Thing(id=uuid.UUID(int=2**128 - 1), name="last", **more)
    values: dict[str, Any] = {
        "price": Decimal("123456789.001"),
        "ratio": 1e-7,
        "blob": b"\x00\xff'\"\\",
        "took": datetime.timedelta(days=-3, microseconds=7),
        "day": datetime.date(1, 1, 2),
        "at": datetime.time(23, 59, 59, 999999),
        "is_new": False,
        "address": "2001:db8::1",
        "file": "a/b é.txt",
    }
    contents = [
        {"b": [1, 2.5, None, "é\u2028"], "a": {}},
        [],
        "",
        0,
        None,
        Value(None, JSONField()),
    ]
    things = [
        Thing(id=uuid.UUID(int=number), name=f"thing {number} 🙂", content=each, **values, **more)
        for number, each in enumerate(contents, start=1)
    ]
    Thing.objects.using(alias).bulk_create([last])
    things[0].parent_id = last.pk
    Thing.objects.using(alias).bulk_create(things)
    return [*things, last]


def state(alias: str, **which: Any) -> list[dict[str, Any]]:
    """All values, with whether the JSON is NULL."""
    rows = Thing.objects.using(alias).filter(**which).order_by("name")
    nulls = set(rows.filter(content__isnull=True).values_list("pk", flat=True))
    return [
        {**row, "blob": bytes(row["blob"]), "is null": row["id"] in nulls} for row in rows.values()
    ]
