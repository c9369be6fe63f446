"""django-treebeard: three kinds of trees, which write in raw SQL."""

from ecosystem.project import migrate, start

PAIR = start(apps=("treebeard", "ecosystem.pathed"))
migrate(PAIR)

from collections.abc import Iterator  # noqa: E402
from contextlib import nullcontext  # noqa: E402
from typing import Any  # noqa: E402

import pytest  # noqa: E402
from django.db import IntegrityError  # noqa: E402

from ecosystem.pathed.models import Listed, Numbered, Pathed  # noqa: E402
from pinning import scope, use_primary  # noqa: E402


@pytest.fixture(params=[Pathed, Numbered, Listed])
def tree(request: pytest.FixtureRequest, pair: Any) -> Iterator[Any]:
    """The model of a root with two children, on both servers."""
    model = request.param
    model.objects.all().delete()
    root = model.add_root(name="root")
    for name in ("one", "two"):
        model.objects.get(pk=root.pk).add_child(name=name)
    pair.catch_up()
    return model


def names(tree: Any) -> list[str]:
    """All of the tree, in its order, by level."""
    return [f"{node.get_depth()} {node.name}" for node in tree.get_tree()]


def test_a_node_that_a_replica_gave_is_moved_and_added_to(pair: Any, tree: Any) -> None:
    with pair.paused(), scope():
        one, two = tree.objects.get(name="one"), tree.objects.get(name="two")
        two.move(one, "first-child")
        assert names(tree) == ["1 root", "2 one", "3 two"]
        one = tree.objects.get(name="one")
        one.add_child(name="three")
        assert names(tree) == ["1 root", "2 one", "3 two", "3 three"]
        one = tree.objects.get(name="one")
        assert [each.name for each in one.get_descendants()] == ["two", "three"]
        tree.objects.get(name="two").delete()
        assert names(tree) == ["1 root", "2 one", "3 three"]


def change_what_others_have_changed(pair: Any, tree: Any, reads: Any) -> None:
    """Somebody adds a node beside the one that somebody else then moves, reading by ``reads``."""
    with pair.paused():
        with scope():
            tree.objects.get(name="one").add_child(name="three")
        with scope(), reads():
            tree.objects.get(name="two").move(tree.objects.get(name="one"), "last-child")


def is_sound(tree: Any) -> bool:
    """Whether no two nodes share a place."""
    if tree is Listed:
        return len({*tree.objects.values_list("parent", "sib_order")}) == tree.objects.count()
    if tree is Pathed:
        return not any(tree.find_problems())
    numbers = [each for row in tree.objects.values_list("lft", "rgt") for each in row]
    return sorted(numbers) == [*range(1, len(numbers) + 1)]


def test_moves_in_a_get_or_a_task_need_use_primary(pair: Any, tree: Any) -> None:
    change_what_others_have_changed(pair, tree, use_primary)
    assert is_sound(tree)
    assert names(tree) == ["1 root", "2 one", "3 three", "3 two"]


@pytest.mark.parametrize("tree", [Pathed], indirect=True)
def test_without_it_a_path_is_taken_that_others_have(pair: Any, tree: Any) -> None:
    with pytest.raises(IntegrityError, match="path"):
        change_what_others_have_changed(pair, tree, nullcontext)
