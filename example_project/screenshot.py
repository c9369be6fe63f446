"""Takes the README's picture of the demo: `python -m example_project.screenshot FILE`.

It needs what the `browser` extra installs, and Chromium on the PATH.
"""

import argparse
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from pinning.testing.accounts import make_temporary_directory, unprivileged_account
from pinning.testing.ports import free_port, port_is_free
from pinning.testing.processes import wait_until

_LAG_SECONDS = 8
_START_SECONDS = 60


def main() -> None:
    """Start a new demo, do as a visitor does, and take the picture while the replica is late."""
    parser = argparse.ArgumentParser(prog="python -m example_project.screenshot")
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    with _demo() as url, sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(url, timeout=_START_SECONDS * 1000)
        _visit(page)
        page.screenshot(path=file)
        browser.close()


def _visit(page: Page) -> None:
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("pinning")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("slider", name="Lag").fill(str(_LAG_SECONDS))
    for text in ("Is anybody there?", "I can see what I have just saved."):
        page.wait_for_timeout(_LAG_SECONDS * 1000)
        page.locator("#notes .verdict.fresh").wait_for()
        page.get_by_label("New note").fill(text)
        page.get_by_role("button", name="Post", exact=True).click()
    page.locator("#notes .verdict.kept").wait_for()
    page.wait_for_timeout(_LAG_SECONDS * 500)


@contextmanager
def _demo() -> Iterator[str]:
    """The address of a demo that has nothing but its first notes."""
    directory = make_temporary_directory(unprivileged_account(), prefix="pinning-screenshot-")
    port = free_port()
    options = ["--port", str(port), "--directory", str(directory / "data")]
    demo = subprocess.Popen([sys.executable, "-m", "example_project.demo", *options])
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}/"
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait()
        shutil.rmtree(directory)


def _wait_for(port: int) -> None:
    """The demo takes its port first, and keeps who asks waiting."""
    wait_until(
        lambda: not port_is_free(port),
        timeout_seconds=_START_SECONDS,
        otherwise=lambda: "The demo did not start.",
    )


if __name__ == "__main__":
    main()
