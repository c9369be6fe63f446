"""The account that servers run as: our own, or an unprivileged one when we are root.

PostgreSQL refuses to run as root, in containers often the only user there is.
"""

import os
import pwd
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of this system."""

    name: str
    user_id: int
    group_id: int


def unprivileged_account() -> Account | None:
    """`postgres` if there is one, else `nobody`; None when we are not root and stay who we are."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    return Account(name=entry.pw_name, user_id=entry.pw_uid, group_id=entry.pw_gid)


def can_enter(account: Account | None, path: Path) -> bool:
    """True when the account may pass through `path` and every folder above it."""
    if account is None:
        return os.access(path, os.X_OK)
    return all(_may_pass(account, folder) for folder in [path, *path.parents])


def own(account: Account | None, path: Path) -> None:
    """Give `path` (not what is in it) to the account; nothing to do when it is our own."""
    if account is not None:
        os.chown(path, account.user_id, account.group_id)


def make_temporary_directory(account: Account | None, *, prefix: str) -> Path:
    """A new directory that belongs to the account, in a place that it can reach."""
    # TMPDIR may be a private folder of root's.
    places = [Path(tempfile.gettempdir()).resolve(), Path("/tmp"), Path("/var/tmp")]
    place = next((place for place in places if can_enter(account, place)), places[0])
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    own(account, directory)
    return directory


def _may_pass(account: Account, folder: Path) -> bool:
    status = folder.stat()
    if status.st_uid == account.user_id:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.group_id:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)
