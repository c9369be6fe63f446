"""django-mptt: a move writes the places of many rows, from those of the objects it is given."""

from ecosystem.project import migrate, start

PAIR = start(apps=("mptt", "ecosystem.nested"))
migrate(PAIR)

from contextlib import nullcontext  # noqa: E402
from typing import Any  # noqa: E402

import pytest  # noqa: E402

from ecosystem.nested.models import Nested  # noqa: E402
from pinning import scope, use_primary  # noqa: E402


@pytest.fixture(autouse=True)
def tree(pair: Any) -> None:
    """A root with two children, on both servers."""
    Nested.objects.all().delete()
    root = Nested.objects.create(name="root")
    for name in ("one", "two"):
        Nested.objects.create(name=name, parent=root)
    pair.catch_up()


def names() -> list[str]:
    """All of the tree, in its order, by level."""
    return [f"{node.level} {node.name}" for node in Nested.objects.all()]


def test_a_node_that_a_replica_gave_is_moved_and_added_to(pair: Any) -> None:
    with pair.paused(), scope():
        one, two = Nested.objects.get(name="one"), Nested.objects.get(name="two")
        two.move_to(one)
        assert names() == ["0 root", "1 one", "2 two"]
        Nested.objects.create(name="three", parent=one)
        assert names() == ["0 root", "1 one", "2 two", "2 three"]
        assert [each.name for each in one.get_descendants()] == ["two", "three"]
        assert [each.name for each in two.get_ancestors()] == ["root", "one"]
        two.delete()
        assert names() == ["0 root", "1 one", "2 three"]


def is_sound() -> bool:
    """Whether the places of all nodes are those that follow from their parents."""

    def places() -> list[Any]:
        return list(Nested.objects.values_list("name", "lft", "rght", "level"))

    before = places()
    Nested.objects.rebuild()
    return before == places()


@pytest.mark.parametrize("reads", [use_primary, nullcontext])
def test_moves_in_a_get_or_a_task_need_use_primary(pair: Any, reads: Any) -> None:
    """A replica's row has old numbers, and a move goes by them."""
    with pair.paused():
        with scope():
            Nested.objects.create(name="three", parent=Nested.objects.get(name="one"))
        with scope(), reads():
            Nested.objects.get(name="two").move_to(Nested.objects.get(name="one"))
            assert is_sound() == (reads is use_primary)
