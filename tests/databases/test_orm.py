"""What the ORM reads by neither writes nor marks nor locks; what it writes by leaves no mark."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Upper

from pinning.databases.functions import HARMLESS, KEYWORDS
from pinning.databases.statements import statement_of
from tests.databases.orm import querysets, texts_of
from tests.notes.models import Note, Tag

ROOT = Path(django.__file__).parent

#: Oracle's, which is not one of ours, and what is no function.
OTHERS = {"dbms_random.value", "sdoaggrtype", "to_nclob", "json_equal", "rawtohex"}

#: By Django alone: each backend has another name.
RENAMED = "boundingcircle fromwkb fromwkt geometrydistance numdimensions"


@pytest.mark.django_db
def test_a_query_of_the_orm_does_nothing_but_ask():
    texts = texts_of(connection, querysets())
    assert len(texts) > 300
    told = {sql: statement_of(sql, connection.vendor) for sql in texts}
    assert [sql for sql in texts if not told[sql].is_query or told[sql].locks] == []


@pytest.mark.django_db(transaction=True)
def test_a_write_of_the_orm_leaves_no_mark():
    seen: list[str] = []

    def note(execute: Any, sql: str, *others: Any) -> Any:
        seen.append(sql)
        return execute(sql, *others)

    with connection.execute_wrapper(note), transaction.atomic():
        author = User.objects.create(username="a")
        notes = Note.objects.bulk_create([Note(text="a", author=author) for _ in range(50)])
        with transaction.atomic():
            Note.objects.filter(pk=notes[0].pk).update(text=Upper(F("text")))
        Note.objects.bulk_update(notes, ["text"])
        Tag.objects.bulk_create([Tag(name="a")], ignore_conflicts=True)
        Tag.objects.bulk_create(
            [Tag(name="a")],
            update_conflicts=True,
            update_fields=["name"],
            unique_fields=["name"],
        )
        Tag.objects.update_or_create(name="b", defaults={"name": "c"})
        notes[0].tags.set(Tag.objects.all())
        notes[0].tags.clear()
        author.delete()
    writes = [sql for sql in seen if statement_of(sql, connection.vendor).writes]
    assert len(writes) > 12
    assert [
        sql for sql in seen if sql != "BEGIN" and statement_of(sql, connection.vendor).marks
    ] == []


def functions_in(file: Path) -> Iterator[str]:
    text = file.read_text()
    for one, other in re.findall(r'\bfunction\s*=\s*f?"([\w.]+)"|func="([\w.]+)"', text):
        yield (one or other).lower()
    for name in re.findall(r"""["'( ]([A-Z][A-Z_0-9]{2,})\((?=%|\{|"|')""", text):
        yield name.lower()


def test_every_function_that_django_names_is_known():
    """The spatial ones too, which need libraries that are not here."""
    files = [file for room in ("db", "contrib") for file in (ROOT / room).rglob("*.py")]
    names = {name for file in files if "oracle" not in file.parts for name in functions_in(file)}
    assert len(names) > 90
    assert names - HARMLESS - KEYWORDS - OTHERS == set()


def test_every_spatial_function_is_known():
    source = (ROOT / "contrib/gis/db/models/functions.py").read_text()
    kinds = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    names = {
        f"st_{kind.name.lower()}" for kind in kinds if not kind.name.endswith(("Func", "Mixin"))
    }
    renamed = {f"st_{name}" for name in RENAMED.split()}
    assert len(names) > 30
    assert names - HARMLESS - renamed == set()
