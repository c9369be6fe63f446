"""The addresses of the example."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from example_project.activity.views import activity
from example_project.board import views

urlpatterns = [
    path("", views.board, name="board"),
    path("other/", views.other, name="other"),
    path("<int:number>/", views.note, name="note"),
    path("<int:number>/like/", views.like, name="like"),
    path("login/", views.LoginView.as_view(), name="login"),
    path("logout/", views.LogoutView.as_view(), name="logout"),
    path("controls/", views.controls, name="controls"),
    path("activity/", activity, name="activity"),
]

if "debug_toolbar" in settings.INSTALLED_APPS:
    urlpatterns += [
        path("admin/", admin.site.urls),
        path("__debug__/", include("debug_toolbar.urls")),
    ]


def has_toolbar(request: Any) -> bool:
    """Whether somebody asks for it: the board's own panel is enough for most.

    It also has to see what is posted, to tell later which write made a pin.
    """
    is_posted = request.method == "POST"
    return is_posted or "toolbar" in request.GET or request.path.startswith("/__debug__/")
