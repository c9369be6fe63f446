"""django-debug-toolbar: its SQL panel replaces the cursors of each connection."""

from django.urls import include, path

from ecosystem.project import migrate, start

PAIR = start(
    apps=("debug_toolbar", "django.contrib.staticfiles"),
    after=("debug_toolbar.middleware.DebugToolbarMiddleware",),
    DEBUG=True,
    DEBUG_TOOLBAR_CONFIG={"SHOW_TOOLBAR_CALLBACK": lambda request: True, "IS_RUNNING_TESTS": False},
    ROOT_URLCONF=__name__,
    STATIC_URL="static/",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
)
migrate(PAIR)

from ecosystem.journeys import Journeys  # noqa: E402

urlpatterns = [
    path("__debug__/", include("debug_toolbar.urls")),
    path("", include("ecosystem.notes.urls")),
]


class TestDebugToolbar(Journeys):
    pass
