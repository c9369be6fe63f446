"""Servers in Debian's packages of another release, unpacked into a folder and not installed.

apt finds and checks what is needed, as on a system that has nothing, with lists and archives of its
own. So it needs no root. The programs are started by the dynamic linker that comes along, because
this system's may be too old for them.
"""

import getpass
import subprocess
from collections.abc import Sequence
from pathlib import Path
from shutil import which

_MIRROR = "http://deb.debian.org/debian"
_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
_ELF = b"\x7fELF"

_WRAPPER = """\
#!/bin/sh
exec {linker} --argv0 "$0" --library-path {libraries} {program} "$@"
"""


class NotHereError(Exception):
    """This system cannot unpack Debian's packages. The message is the reason."""


def fetch(suite: str, packages: Sequence[str], folder: Path) -> None:
    """Unpack the packages, and what they depend on, into ``folder``."""
    if not (which("apt-get") and which("dpkg-deb") and Path(_KEYS).exists()):
        raise NotHereError("it needs apt-get, dpkg-deb and the package debian-archive-keyring")
    apt = _apt(folder / "apt", suite)
    subprocess.run([*apt, "update"], check=True)
    needed = ["install", "--yes", "--download-only", "--no-install-recommends"]
    subprocess.run([*apt, *needed, *packages], check=True)
    for archive in sorted(folder.glob("apt/archives/*.deb")):
        subprocess.run(["dpkg-deb", "--extract", archive, folder / "root"], check=True)
        archive.unlink()
    wrap(folder / "root")


def _apt(home: Path, suite: str) -> list[str]:
    """apt-get, with a state of its own and one release to choose from."""
    for name in ("lists/partial", "archives/partial"):
        (home / name).mkdir(parents=True, exist_ok=True)
    (home / "status").touch()
    (home / "sources.list").write_text(f"deb [signed-by={_KEYS}] {_MIRROR} {suite} main\n")
    options = {
        "Dir::State": home,
        "Dir::State::Lists": home / "lists",
        "Dir::State::status": home / "status",
        "Dir::Cache": home,
        "Dir::Cache::Archives": home / "archives",
        "Dir::Etc::SourceList": home / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "APT::Sandbox::User": getpass.getuser(),
        "APT::Get::List-Cleanup": "false",
        "Acquire::Languages": "none",
    }
    return ["apt-get", "-qq", *(f"-o{key}={value}" for key, value in options.items())]


def wrap(root: Path) -> None:
    """Have each program in the folder started by the linker that is there, with its libraries."""
    linker = next(root.glob("usr/lib*/ld-linux*.so.*"))
    libraries = [*root.glob("usr/lib/*-linux-gnu"), *root.glob("usr/lib/*/private")]
    for program in [*root.glob("usr/bin/*"), *root.glob("usr/sbin/*")]:
        if program.is_symlink() or not program.is_file() or not _is_elf(program):
            continue
        real = program.rename(program.with_name(f"{program.name}.real"))
        paths = ":".join(map(str, libraries))
        program.write_text(_WRAPPER.format(linker=linker, libraries=paths, program=real))
        program.chmod(0o755)


def _is_elf(program: Path) -> bool:
    with program.open("rb") as file:
        return file.read(len(_ELF)) == _ELF
