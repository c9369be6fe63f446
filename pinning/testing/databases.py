"""What the database servers share: data that are made once, and questions about them."""

import shutil
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pinning.testing.passwords import keep_password, password_for
from pinning.testing.processes import Server


class Database(Server):
    """A server whose data are made at its first start, in a folder of its directory.

    Whoever connects by its port needs ``password``.
    """

    def __init__(self, directory: Path | str | None = None) -> None:
        super().__init__(directory)
        self.password = password_for(self._directory)

    @abstractmethod
    def execute(
        self, statement: Any, params: Sequence[object] | None = None, database: str = ""
    ) -> list[tuple[Any, ...]]:
        """Run a statement on a connection of its own; its rows, or an empty list."""

    @abstractmethod
    def create_database(self, name: str) -> None:
        """Create an empty database. An error of the driver's when there is one of that name."""

    @abstractmethod
    def settings(self, database: str) -> dict[str, Any]:
        """One entry of Django's DATABASES. Known before the start already."""

    @abstractmethod
    def _create(self, data: Path) -> None:
        """Make the data of a new server in the folder ``data``, which is not there yet."""

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _prepare(self) -> None:
        keep_password(self.directory, self.password, self.account)
        if self._data.exists():
            return
        # Made under another name: what has its right name is complete.
        unfinished = self.directory / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._create(unfinished)
        unfinished.rename(self._data)
