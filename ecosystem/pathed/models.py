"""A node for each kind of tree."""

from django.db import models
from treebeard.al_tree import AL_Node
from treebeard.mp_tree import MP_Node
from treebeard.ns_tree import NS_Node


class Pathed(MP_Node):
    """Knows its path from the root."""

    name = models.TextField()


class Numbered(NS_Node):
    """Knows its place by two numbers."""

    name = models.TextField()
    node_order_by: list[str] = []


class Listed(AL_Node):
    """Knows its parent, and its place among its siblings."""

    name = models.TextField()
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children_set")
    sib_order = models.PositiveIntegerField()
