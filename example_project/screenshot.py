"""Takes the pictures of the docs: `python -m example_project.screenshot FOLDER`.

It needs what the `browser` and `test` extras install, and Chromium on the PATH.
"""

import argparse
import html
import os
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

_TERMINAL = """
<body style="margin: 0; background: #1e1e1e"><pre id="shot" style="display: inline-block; margin: 0;
padding: 16px 20px; color: #ddd; font: 13px/1.45 monospace">%s</pre></body>
"""


def main() -> None:
    """Start a new demo, do as a visitor does, and take the pictures while the replica is late."""
    parser = argparse.ArgumentParser(prog="python -m example_project.screenshot")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    with _demo() as (url, data), sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1140})
        page.set_default_timeout(_START_SECONDS * 1000)
        page.goto(url)
        _visit(page)
        page.screenshot(path=folder / "board.png")
        _show_toolbar(page, url)
        page.set_viewport_size({"width": 1280, "height": 700})
        page.screenshot(path=folder / "toolbar.png")
        page.goto(f"{url}admin/pinning_admin/replica/")
        page.locator("#content").screenshot(path=folder / "admin.png")
        _catch_up(page, url)
        page.set_content(_TERMINAL % html.escape(_status(data)))
        page.locator("#shot").screenshot(path=folder / "status.png")
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


def _show_toolbar(page: Page, url: str) -> None:
    """Open the panel on a page of somebody whose note the replica will not have for long."""
    page.get_by_role("slider", name="Lag").fill("30")
    page.get_by_label("New note").fill("Which line wrote this?")
    page.get_by_role("button", name="Post", exact=True).click()
    page.get_by_text("Which line wrote this?").first.wait_for()
    page.goto(f"{url}?toolbar")
    page.locator("#djdt-PinningPanel a").click()
    page.locator("#PinningPanel table").first.wait_for()


def _catch_up(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("slider", name="Lag").fill("0")
    page.locator("#notes .verdict.fresh").wait_for()


def _status(data: Path) -> str:
    """What `pinning_status` prints, below the line that asked for it."""
    words = ["-m", "example_project.manage", "--directory", str(data), "pinning_status"]
    told = subprocess.run([sys.executable, *words], stdout=subprocess.PIPE, text=True, check=True)
    return f"$ python manage.py pinning_status\n{told.stdout.strip()}"


@contextmanager
def _demo() -> Iterator[tuple[str, Path]]:
    """The address and the folder of a demo that has nothing but its first notes."""
    directory = make_temporary_directory(unprivileged_account(), prefix="pinning-screenshot-")
    data, port = directory / "data", free_port()
    options = ["--port", str(port), "--directory", str(data)]
    command = [sys.executable, "-m", "example_project.demo", *options]
    demo = subprocess.Popen(command, env={**os.environ, "TOOLS": "1"})
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}/", data
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
