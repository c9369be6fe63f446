"""Generic relations: managers that write to where they were told to read.

``create_generic_related_manager`` asks ``db_for_read`` and keeps to the answer for updates, deletes
and bulk creation too (Django ticket #36389), so what goes through such a manager is read from the
primary. The hint cannot be told from that of another relation between the same two models.
"""

from typing import Any

from django.db.models import Model

_targets: dict[type[Model], frozenset[Any]] = {}


def is_generic_relation(model: Any, instance: Model) -> bool:
    """Whether ``instance`` has a GenericRelation to ``model``."""
    owner = type(instance)
    targets = _targets.get(owner)
    if targets is None:
        targets = _targets[owner] = _find_targets(owner)
    return model in targets


def _find_targets(owner: type[Model]) -> frozenset[Any]:
    """By its shape rather than its class: importing that one needs contenttypes installed."""
    return frozenset(
        field.related_model
        for field in owner._meta.private_fields
        if field.one_to_many and field.related_model is not None
    )
