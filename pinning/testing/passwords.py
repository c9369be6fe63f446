"""The password of a server, whose port on loopback is open to all who are on this machine."""

import secrets
from pathlib import Path

from pinning.testing.accounts import Account, own

_FILE = "password"


def password_for(directory: Path | None) -> str:
    """The one that was kept in a server's ``directory``, or a new one of letters and digits."""
    kept = None if directory is None else directory / _FILE
    return kept.read_text() if kept is not None and kept.exists() else secrets.token_hex(16)


def keep_password(directory: Path, password: str, account: Account | None) -> Path:
    """The file in ``directory`` that has it, for the server's account alone."""
    return keep_secret(directory / _FILE, password, account)


def keep_secret(path: Path, text: str, account: Account | None) -> Path:
    """Write ``text`` to a file that nobody but the account may read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
    own(account, path)
    return path
