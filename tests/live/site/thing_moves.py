"""Moves things from one server to another and back, and says what has not arrived as it was."""

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import DatabaseError  # noqa: E402

from tests.move.models import Thing  # noqa: E402
from tests.move.things import make, state  # noqa: E402

WHERE = ("--where", "region=eu")


def move(source: str, target: str, *options: str) -> None:
    way = ("--from", source, "--to", target)
    call_command("pinning_move", "move.Thing", *way, *WHERE, *options)


def is_refused(source: str, **which: str) -> bool:
    try:
        Thing.objects.using(source).filter(**which).update(region="eu")
    except DatabaseError:
        return True
    return False


def check(source: str, target: str) -> None:
    make(source)
    Thing.objects.using(source).bulk_create([Thing(name="us", region="us")])
    before = state(source, region="eu")
    move(source, target, "--offline")
    assert state(target, region="eu") == before
    assert is_refused(source, region="eu")
    assert is_refused(source, region="us")
    Thing.objects.using(source).filter(region="us").update(price=1)
    move(source, target, "--drop")
    move(source, target, "--forget")
    assert [thing.name for thing in Thing.objects.using(source)] == ["us"]
    for alias in (source, target):
        Thing.objects.using(alias).all().delete()


if __name__ == "__main__":
    check("default", "archive")
    check("archive", "default")
    print("all as it was")
