"""Wagtail: an editor publishes and moves pages, and visitors see them."""

from django.urls import include, path

from ecosystem.project import REPLICAS, migrate, start

PAIR = start(
    apps=(
        "ecosystem.leaves",
        "wagtail.users",
        "wagtail.snippets",
        "wagtail.documents",
        "wagtail.images",
        "wagtail.search",
        "wagtail.admin",
        "wagtail",
        "modelcluster",
        "taggit",
        "django.contrib.messages",
        "django.contrib.staticfiles",
    ),
    after=("django.contrib.messages.middleware.MessageMiddleware",),
    pinning={"PRIMARY_MODELS": ["wagtailcore.Site"]},
    ROOT_URLCONF=__name__,
    STATIC_URL="/static/",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    WAGTAIL_SITE_NAME="Leaves",
    WAGTAILADMIN_BASE_URL="http://testserver",
)
migrate(PAIR)

from typing import Any  # noqa: E402

import pytest  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from wagtail.models import Page, Site  # noqa: E402

from ecosystem.leaves.models import Leaf  # noqa: E402
from pinning import scope  # noqa: E402

urlpatterns = [
    path("admin/", include("wagtail.admin.urls")),
    path("documents/", include("wagtail.documents.urls")),
    path("", include("wagtail.urls")),
]


@pytest.fixture(autouse=True)
def home(pair: Any) -> Page:
    """The site's root, without pages below, on both servers."""
    home = Page.objects.get(slug="home")
    Site.objects.update(root_page=home)  # it goes with the page
    for page in home.get_children():
        page.delete()
    cache.clear()
    pair.catch_up()
    return home


@pytest.fixture
def editor(pair: Any) -> Client:
    """A browser in which an editor has signed in."""
    name = f"user{User.objects.count()}"
    user = User.objects.db_manager("default").create_superuser(name)
    client = Client()
    client.force_login(user)
    pair.catch_up()
    return client


def publish(editor: Client, under: int, title: str) -> Leaf:
    """Add a page by the admin's form."""
    comments = {"TOTAL_FORMS": 0, "INITIAL_FORMS": 0, "MIN_NUM_FORMS": 0, "MAX_NUM_FORMS": ""}
    answer = editor.post(
        f"/admin/pages/add/leaves/leaf/{under}/",
        {
            "title": title,
            "slug": title,
            "action-publish": "action-publish",
            **{f"comments-{name}": value for name, value in comments.items()},
        },
    )
    assert answer.status_code == 302, answer.content
    return Leaf.objects.using("default").get(slug=title)


def test_an_editor_publishes_a_page_and_sees_it(pair: Any, editor: Client, home: Page) -> None:
    with pair.paused():
        one = publish(editor, home.pk, "one")
        two = publish(editor, one.pk, "two")
        assert editor.get("/one/two/").content == b"two"
        assert b"two" in editor.get(f"/admin/pages/{one.pk}/").content
        assert editor.get(f"/admin/pages/{two.pk}/edit/").status_code == 200
        assert Client().get("/one/two/").status_code == 404  # another's, from the replica
        moved = editor.post(f"/admin/pages/{two.pk}/move/{home.pk}/confirm/", {})
        assert moved.status_code == 302
        assert editor.get("/two/").content == b"two"
        deleted = editor.post(f"/admin/pages/{two.pk}/delete/", {})
        assert deleted.status_code == 302
        assert editor.get("/two/").status_code == 404
        assert Page.find_problems() == ([], [], [], [], [])
    pair.catch_up()
    assert Client().get("/one/").content == b"one"


def test_a_page_that_a_replica_gave_is_written_to(pair: Any, home: Page) -> None:
    home.add_child(instance=Leaf(title="old", slug="leaf"))
    pair.catch_up()
    with pair.paused(), scope():
        leaf = Page.objects.get(slug="leaf").specific
        leaf.title = "new"
        leaf.save_revision().publish()
        assert Leaf.objects.get().title == "new"
        assert leaf.get_latest_revision_as_object().title == "new"
        copy = leaf.copy(update_attrs={"slug": "copy"})
        assert {each.slug for each in Page.objects.child_of(home)} == {"leaf", "copy"}
        copy.unpublish()
        assert [each.slug for each in Page.objects.child_of(home).live()] == ["leaf"]
        leaf.delete()
        assert [each.slug for each in Page.objects.descendant_of(home)] == ["copy"]


def move_the_root(pair: Any, home: Page) -> list[str]:
    """The root of the site becomes another; the paths as they are kept in the cache."""
    leaf = home.add_child(instance=Leaf(title="leaf", slug="leaf"))
    pair.catch_up()
    with pair.paused():
        with scope():
            site = Site.objects.get()
            site.root_page = leaf
            site.save()
        with scope():  # somebody else's
            Site.get_site_root_paths()
    pair.catch_up()
    return [each.root_path for each in Site.get_site_root_paths()]


def test_the_sites_are_cached_from_the_primary(pair: Any, home: Page) -> None:
    assert move_the_root(pair, home) == ["/home/leaf/"]


@override_settings(PINNING={"REPLICAS": REPLICAS})
def test_without_it_an_old_root_is_cached(pair: Any, home: Page) -> None:
    assert move_the_root(pair, home) == ["/home/"]
