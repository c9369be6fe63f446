"""The two addresses of the example."""

from django.urls import path

from example_project.board import views

urlpatterns = [
    path("", views.board, name="board"),
    path("pinning/", views.turn_pinning, name="turn-pinning"),
]
