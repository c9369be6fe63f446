"""Runs each file by itself: packages patch Django for the whole process, and so do we.

``python -m ecosystem`` runs all of them, ``python -m ecosystem cachalot silk`` those two.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main(names: list[str]) -> int:
    """Run the files, and return how many failed."""
    files = [HERE / f"test_{name}.py" for name in names] or sorted(HERE.glob("test_*.py"))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rxXf",
        "--tb=short",
        "-c",
        str(HERE / "pytest.ini"),
    ]
    failed = [path.stem for path in files if subprocess.run([*command, str(path)]).returncode]
    print(f"{len(files) - len(failed)} passed, {len(failed)} failed", *failed)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
