"""What is replaced on Django's classes, and whether this Django has it as we know it.

``one_database`` replaces it when the app starts. Each piece has the names that Django's own
function uses, in 5.2 to 6.1. A function that uses other names does something else, and then
nothing is replaced.
"""

import enum
import functools
import inspect
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db.models import QuerySet
from django.db.models.base import ModelState
from django.db.models.manager import BaseManager
from django.db.models.query import RawQuerySet
from django.db.models.sql.query import Query
from django.db.utils import ConnectionHandler

_OURS = "pinning.reads.one_database"
_USED_BY_CONTENT_TYPES = frozenset({"using", "model_class", "_base_manager", "get"})


class Piece(enum.Enum):
    """A method, or a property, of a class of Django's: the class, its name, the names it uses.

    Each has its line in Django 5.2.19. The reasons stand with the replacements in ``one_database``.
    """

    #: django/db/models/query.py:1837: which database an object or a prefetch gets.
    QUERYSET_DB = QuerySet, "db", "_for_write _db db_for_write db_for_read model _hints"
    #: django/db/models/query.py:2177: the same for raw().
    RAW_DB = RawQuerySet, "db", "_db db_for_read model _hints"
    #: django/db/models/manager.py:142: content types are cached by it.
    MANAGER_DB = BaseManager, "db", "_db db_for_read model _hints"
    #: django/db/models/sql/query.py:360: where a query runs.
    COMPILER = Query, "get_compiler", "using connection connections compiler"
    #: django/db/models/query.py:2168: where raw() runs.
    RAW_ITERATOR = RawQuerySet, "iterator", "RawModelIterable"
    #: django/db/models/query.py:1991: it refuses a subquery of another alias.
    SUBQUERY = QuerySet, "resolve_expression", "query resolve_expression _db"
    #: django/db/utils.py:191: a connection takes the alias that it is asked by.
    CONNECTION = ConnectionHandler, "create_connection", "alias settings load_backend"

    def __init__(self, owner: Any, attribute: str, uses: str) -> None:
        self.owner = owner
        self.attribute = attribute
        self.uses = frozenset(uses.split())

    def __str__(self) -> str:
        return f"{self.owner.__name__}.{self.attribute}"

    def is_known(self) -> bool:
        """Whether Django's own function is as we know it."""
        return _uses(self.owner, self.attribute, self.uses)


def _uses(owner: Any, attribute: str, names: frozenset[str]) -> bool:
    code = getattr(inspect.unwrap(function_of(owner, attribute) or len), "__code__", None)
    return code is not None and names <= {*code.co_names, *code.co_varnames}


def function_of(owner: Any, attribute: str) -> Any:
    """The function of a method or property, as it stands now; None if there is none."""
    found = vars(owner).get(attribute)
    return found.fget if isinstance(found, property) else found


@functools.cache
def differences() -> tuple[str, ...]:
    """The pieces that are not as we know them. No read goes to a replica while there are any."""
    unknown = [str(piece) for piece in Piece if not piece.is_known()]
    if not hasattr(ModelState, "db"):
        unknown.append("ModelState.db")
    # django/db/models/base.py:449
    if getattr(vars(ModelState).get("__setstate__"), "__module__", _OURS) != _OURS:
        unknown.append("ModelState.__setstate__")  # Django has none
    return (*unknown, *_differences_of_content_types())


def _differences_of_content_types() -> Iterator[str]:
    if not apps.is_installed("django.contrib.contenttypes"):
        return
    from django.contrib.contenttypes.models import ContentType  # only where it is installed

    if not _uses(ContentType, "get_object_for_this_type", _USED_BY_CONTENT_TYPES):
        yield "ContentType.get_object_for_this_type"
