"""Moves rows to another cluster while the site runs: ``manage.py pinning_move``.

A project names ``moved`` in MODELS for the time of a move. docs/moving.md tells the order of doing.
"""

from pinning.move.errors import MoveError, UnknownHomeError
from pinning.move.lease import moved
