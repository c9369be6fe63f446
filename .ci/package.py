"""Builds the package as for a release, and tests what was built: `make package`.

It needs a checkout by git, and a package index to install from.

1. Build the sdist, and the wheel from the sdist.
2. Compare their files with those that git knows. It fails where one is missing or too many.
3. Install the wheel with its extra `test` into a new environment. It has the newest Python that is
   found, and so the newest Django: `make test` tries the oldest.
4. Unpack the sdist, take its folder `pinning` away, import every test there, and run the quick
   ones. So the tests find only the `pinning` that was installed.

Some tests are imported and not run: those that start servers or a browser, and those that try
thousands of values. They take minutes, and `make test` runs them. How the package was built makes
no difference to them.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]

#: What hatchling adds to an sdist.
ADDED = {"PKG-INFO"}

#: The ends of the names of what the wheel has.
TO_INSTALL = (".py", "/py.typed", ".html")

NOT_RUN = ("tests/live", "tests/example_project", "tests/docs/test_project.py")
QUICK = "not live and not hypothesis"

#: From the newest on. pyenv's are found too.
PYTHONS = ((3, 14), (3, 13), (3, 12))

#: A source that was not built, and servers that the tests here do without.
UNSET = {"PYTHONPATH", "PINNING_REQUIRE_SERVICES"}


def main() -> None:
    """Do all of it in a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="pinning-package-") as name:
        folder = Path(name)
        run(sys.executable, "-m", "build", "--outdir", folder, ROOT)
        (wheel,) = folder.glob("*.whl")
        (sdist,) = folder.glob("*.tar.gz")
        with tarfile.open(sdist) as archive:
            archive.extractall(folder, filter="data")
        source = folder / sdist.name.removesuffix(".tar.gz")
        print(f"sdist: {compare(files_of(source) - ADDED, tracked())} files")
        print(f"wheel: {compare(files_of_wheel(wheel), files_to_install())} files of the package")
        try_it(wheel, source, folder / "environment")


def tracked() -> set[str]:
    """The files that git knows, so far as they are there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}


def files_to_install() -> set[str]:
    """What the wheel should have."""
    ours = {name for name in tracked() if name.startswith("pinning/")}
    return {name for name in ours if name.endswith(TO_INSTALL)}


def files_of(folder: Path) -> set[str]:
    """All files below, by their paths from there."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def files_of_wheel(wheel: Path) -> set[str]:
    """Its files but for those that tell about it."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def compare(built: set[str], expected: set[str]) -> int:
    """How many files were built. Ends the program where they are others than expected."""
    if built != expected:
        missing, more = sorted(expected - built), sorted(built - expected)
        sys.exit(f"Files that are missing: {missing}\nFiles that are too many: {more}")
    return len(built)


def try_it(wheel: Path, source: Path, environment: Path) -> None:
    """Install the wheel and test it with the tests of the sdist."""
    run(newest_python(), "-m", "venv", environment)
    python = environment / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", f"{wheel}[test]")
    (source / "pinning").rename(environment / "not-to-be-imported")
    test = [python, "-W", "error", "-m", "pytest", "--quiet", "-p", "no:cacheprovider"]
    run(*test, "--collect-only", "-qq", cwd=source, is_quiet=True)
    ignored = [f"--ignore={path}" for path in NOT_RUN]
    run(*test, "-n", "2", "-m", QUICK, *ignored, cwd=source)


def newest_python() -> str:
    """One that is newer than this one, and can make environments; else this one."""
    for major, minor in (version for version in PYTHONS if version > sys.version_info[:2]):
        name = f"{major}.{minor}"
        installed = Path.home().glob(f".pyenv/versions/{name}.*/bin/python")
        for python in (shutil.which(f"python{name}"), *map(str, installed)):
            if python and runs(python, "-c", "import ensurepip, venv"):
                return python
    return sys.executable


def runs(*command: str) -> bool:
    """Whether a program ends well. pyenv's shims may not."""
    return subprocess.run(command, capture_output=True).returncode == 0


def run(*command: object, cwd: Path = ROOT, is_quiet: bool = False) -> None:
    """Run a program. Ends this one where it fails, with what it said."""
    environment = {key: value for key, value in os.environ.items() if key not in UNSET}
    output = subprocess.PIPE if is_quiet else None
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, stdout=output, text=True
    )
    if done.returncode != 0:
        sys.exit(f"{done.stdout or ''}{command[0]} failed: {done.returncode}")


main()
