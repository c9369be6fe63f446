"""What can go wrong with a move."""

from django.db import OperationalError

from pinning.exceptions import PinningError


class MoveError(PinningError):
    """A move cannot begin or go on. Nothing is lost: what is done so far stays, and may go on."""


class UnknownHomeError(PinningError, OperationalError):
    """It is not known where the rows of a move are, as the cluster that they leave cannot be asked.

    It is raised where a wrong answer could show old rows.
    """

    def __init__(self, title: str, alias: str, error: object) -> None:
        """``title`` names the move, ``alias`` the primary that has not answered."""
        super().__init__(
            f"{title} is being moved, and {alias!r} does not tell whether its rows have left it: "
            f"{error or 'it does not answer'}."
        )
