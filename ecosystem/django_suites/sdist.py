"""Django's source distribution, which has its tests. The wheel has not."""

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import django

FOLDER = Path(__file__).parents[2] / ".django-suites"


def tests() -> Path:
    """The folder of the tests of the Django that is installed, downloaded once."""
    name = f"django-{django.__version__}"
    if not (FOLDER / name).exists():
        with tempfile.TemporaryDirectory() as folder:
            _download(folder)
            (archive,) = Path(folder).glob("*.tar.gz")
            _unpack(archive, FOLDER)
    return FOLDER / name / "tests"


def _download(folder: str) -> None:
    options = ["--quiet", "--no-deps", "--no-binary", ":all:", "--dest", folder]
    command = [sys.executable, "-m", "pip", "download", *options, f"django=={django.__version__}"]
    subprocess.run(command, check=True)


def _unpack(archive: Path, folder: Path) -> None:
    """What was unpacked in part does not have its right name."""
    unfinished = folder / "unfinished"
    with tarfile.open(archive) as opened:
        opened.extractall(unfinished, filter="data")
    (made,) = unfinished.iterdir()
    made.rename(folder / made.name)
    unfinished.rmdir()
