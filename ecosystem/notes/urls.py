"""The pages."""

from django.urls import path

from ecosystem.notes import views

urlpatterns = [path("", views.notes), path("edit", views.edit)]
