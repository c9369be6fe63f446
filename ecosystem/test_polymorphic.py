"""django-polymorphic: a second query for each class, by the alias of the first."""

from ecosystem.project import migrate, start

PAIR = start(apps=("polymorphic", "ecosystem.shapes"))
migrate(PAIR)

from typing import Any  # noqa: E402

import pytest  # noqa: E402

from ecosystem.shapes.models import Circle, Shape  # noqa: E402
from pinning import scope, source_of  # noqa: E402


@pytest.fixture(autouse=True)
def shapes(pair: Any) -> None:
    """A shape and a circle, on both servers."""
    Shape.objects.all().delete()
    Shape.objects.create(name="shape")
    Circle.objects.create(name="circle", radius=1)
    pair.catch_up()


def test_rows_of_the_base_class_come_from_the_replica_and_the_others_from_the_primary() -> None:
    """It asks for the others by the alias that the first rows came from."""
    with scope():
        found = list(Shape.objects.order_by("pk"))
        assert [type(each) for each in found] == [Shape, Circle]
        assert [source_of(each) for each in found] == ["replica1", "default"]
        assert source_of(Circle.objects.get()) == "replica1"


def test_what_a_replica_gave_is_saved_and_deleted(pair: Any) -> None:
    with pair.paused(), scope():
        circle = Shape.objects.get(name="circle")
        circle.radius = 2
        circle.save()
        assert Circle.objects.get().radius == 2
        assert Shape.objects.instance_of(Circle).get().radius == 2
        assert Shape.objects.non_polymorphic().get(pk=circle.pk).get_real_instance().radius == 2
        assert list(Shape.objects.filter(Circle___radius=2)) == [circle]
        Circle.objects.create(name="more", radius=3)
        assert [each.name for each in Shape.objects.order_by("pk")] == ["shape", "circle", "more"]
        circle.delete()
        Shape.objects.filter(name="shape").delete()
        assert [each.radius for each in Shape.objects.all()] == [3]
