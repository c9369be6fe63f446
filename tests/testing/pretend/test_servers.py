"""The same bugs and the same correct programs, in TestCases on servers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pinning.testing.pair import SERVERS
from proof.acts import VENDORS
from tests.services import service

pytestmark = pytest.mark.live

FOLDER = Path(__file__).parent
FILES = [str(FOLDER / f"test_{name}.py") for name in ("replica", "bugs", "correct", "snapshot")]


@pytest.mark.parametrize("vendor", VENDORS)
def test_nothing_depends_on_the_database(vendor):
    with service(SERVERS[vendor].primary()) as server:
        settings = {**server.settings("app"), "USER": server.user, "PASSWORD": server.password}
        server.create_database("app")
        run = subprocess.run(
            [
                *(sys.executable, "-W", "error", "-m", "pytest", "-q", "-n", "0"),
                *("-p", "no:cacheprovider", "--ds", "tests.testing.pretend.server_settings"),
                *FILES,
            ],
            cwd=FOLDER.parents[2],
            env={**os.environ, "PINNING_TESTS_SERVER": json.dumps(settings)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert " passed" in run.stdout
    assert "skipped" not in run.stdout
