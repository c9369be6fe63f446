"""Some rows of a table move, and the others do not notice."""

import pytest
from django.core.management import CommandError
from django.db import IntegrityError

from pinning.move import moved
from tests.move.models import Thing
from tests.move.things import make, state

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "orders"])

WHERE = ("--where", "region=eu")


@pytest.fixture
def things(site, settings):
    europe = moved("move.Thing", from_="default", to="orders", where="region=eu")

    def home(model, **hints):
        region = getattr(hints.get("instance"), "region", None)
        return europe(model) if region == "eu" else "orders" if region == "asia" else "default"

    settings.PINNING = {**site, "MODELS": {"move": home}}
    make("default")
    Thing(name="us", region="us").save()
    Thing(name="asia", region="asia").save()
    yield
    europe.close()


def test_the_others_stay_and_can_be_written(things, run, site, settings):
    before = state("default", region="eu")
    run(*WHERE, labels=("move.Thing",))
    assert state("orders", region="eu") == before
    for alias, region in (("default", "us"), ("orders", "asia"), ("orders", "eu")):
        Thing(name=f"new {region}", region=region).save()
        assert Thing.objects.using(alias).filter(name=f"new {region}").exists()
    with pytest.raises(IntegrityError):
        Thing.objects.using("default").filter(name="us").update(region="eu")
    with pytest.raises(IntegrityError):
        Thing.objects.using("default").filter(name="last").delete()
    run("--drop", *WHERE, labels=("move.Thing",))
    assert {thing.region for thing in Thing.objects.using("default")} == {"us"}
    assert Thing.objects.using("orders").count() == len(before) + 3


def test_a_row_that_has_changed_there_since_is_dropped(things, run):
    """Its key is a UUID, which a database may keep without dashes."""
    run(*WHERE, labels=("move.Thing",))
    assert Thing.objects.using("orders").filter(name="last").update(price=1)
    run("--drop", *WHERE, labels=("move.Thing",))
    assert not Thing.objects.using("default").filter(name="last").exists()


def test_a_key_that_is_taken_there_is_told_and_its_row_stays(things, run):
    mine = Thing.objects.using("default").filter(region="eu").first()
    Thing.objects.using("orders").bulk_create([Thing(id=mine.pk, name="theirs", region="asia")])
    with pytest.raises(CommandError, match="does not take a row"):
        run(*WHERE, labels=("move.Thing",))
    assert Thing.objects.using("orders").get(pk=mine.pk).name == "theirs"
    Thing.objects.using("default").filter(pk=mine.pk).update(name="still taking writes")
