"""The README does what it says: its settings start a site, and its examples and links are good."""

import re
import subprocess
import sys
from pathlib import Path

import django
import pytest

import pinning
from pinning import Reason

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def marks(code):
    """Django has tasks since 6.0."""
    needs_tasks = re.search(r"^from (django\.|django_|pinning\.contrib\.)tasks", code, re.MULTILINE)
    return [pytest.mark.skipif(needs_tasks and django.VERSION < (6, 0), reason=marks.__doc__)]


EXAMPLES = [
    pytest.param(code, id=f"{page.name}-{number}", marks=marks(code))
    for page in PAGES
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]

# A project in one file: the README's own settings, on files of SQLite in place of PostgreSQL. Each
# replica has a row that tells its name, so that whoever reads can be seen in what they read.
SITE = """
import io, shutil, sys, types
from pathlib import Path

folder = Path(sys.argv[1])
settings = types.ModuleType("site_settings")
for code in {blocks!r}:
    exec(code, settings.__dict__)

def filled(names, *own):
    at = names.index(...)
    return [*names[:at], *own, *names[at + 1:]]

settings.INSTALLED_APPS = filled(settings.INSTALLED_APPS, "django.contrib.contenttypes")
settings.MIDDLEWARE = filled(settings.MIDDLEWARE, "django.middleware.common.CommonMiddleware")
for alias, database in settings.DATABASES.items():
    database |= {{"ENGINE": "django.db.backends.sqlite3", "NAME": folder / alias, "OPTIONS": {{}}}}
    del database["HOST"]
settings.ROOT_URLCONF = "site_urls"
settings.SECRET_KEY = "readme"
settings.ALLOWED_HOSTS = ["testserver"]
settings.USE_TZ = True
sys.modules["site_settings"] = settings

import os
os.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"
import django
django.setup()

from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from django.urls import path

def names(request):
    if request.method == "POST":
        ContentType.objects.create(app_label=request.POST["name"], model="row")
    return HttpResponse(" ".join(sorted(row.app_label for row in ContentType.objects.all())))

sys.modules["site_urls"] = urls = types.ModuleType("site_urls")
urls.urlpatterns = [path("", names)]

call_command("check", fail_level="WARNING")
call_command("migrate", verbosity=0)
for alias in ("replica1", "replica2"):
    shutil.copy(folder / "default", folder / alias)
    ContentType.objects.using(alias).bulk_create([ContentType(app_label="replica", model="row")])

visitor, writer = Client(), Client()
print("visitor:", visitor.get("/").content.decode())
print("writer:", writer.post("/", {{"name": "new"}}).content.decode())
print("writer:", writer.get("/").content.decode())
print("visitor:", visitor.get("/").content.decode())
"""


def block_with(name):
    """The one code block of the README that sets ``name``."""
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (block,) = [block for block in blocks if re.search(rf"^{name} = ", block, re.MULTILINE)]
    return block


def test_the_settings_start_a_site_that_reads_from_replicas_and_shows_what_was_written(tmp_path):
    site = tmp_path / "site.py"
    site.write_text(SITE.format(blocks=[block_with("PINNING"), block_with("DATABASES")]))
    done = subprocess.run(
        [sys.executable, "-W", "error", site, tmp_path],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    before = "contenttypes"
    assert done.stdout.splitlines() == [
        "System check identified no issues (0 silenced).",
        f"visitor: {before} replica",
        f"writer: {before} new",
        f"writer: {before} new",
        f"visitor: {before} replica",
    ]


@pytest.mark.parametrize("code", EXAMPLES)
def test_an_example_compiles(code):
    compile(code, "example", "exec")


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_names_that_an_example_imports_are_there(code):
    imports = re.findall(r"^from .+ import .+$", code, re.MULTILINE)
    exec("\n".join(imports), {})


@pytest.mark.parametrize(
    "name", sorted(set(pinning.__all__) - {"Reason", "Scope", "current_scope"})
)
def test_what_a_view_may_use_has_an_example(name):
    pages = [README, *(page.read_text() for page in (ROOT / "docs").glob("*.md"))]
    assert any(f"from pinning import {name}\n" in page for page in pages)


def test_the_table_of_reads_has_every_reason_in_the_order_of_the_code():
    rows = re.findall(r"^\| (\d+) \|.*\| `(\w+)` \|$", README, re.MULTILINE)
    assert [reason for _, reason in rows] == list(Reason)
    assert [int(number) for number, _ in rows] == list(range(1, len(Reason) + 1))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_heading(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        linked = page.parent / name
        assert linked.is_file(), target
        headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
        assert not anchor or anchor in {heading.lower().replace(" ", "-") for heading in headings}
