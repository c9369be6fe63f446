"""The addresses of the example."""

from django.urls import path

from example_project.board import views
from example_project.panel import views as panel

urlpatterns = [
    path("", views.board, name="board"),
    path("notes/", views.notes, name="notes"),
    path("other/", views.other, name="other"),
    path("<int:number>/", views.note, name="note"),
    path("<int:number>/like/", views.like, name="like"),
    path("login/", views.LoginView.as_view(), name="login"),
    path("logout/", views.LogoutView.as_view(), name="logout"),
    path("controls/", panel.controls, name="controls"),
    path("panel/", panel.panel, name="panel"),
]
