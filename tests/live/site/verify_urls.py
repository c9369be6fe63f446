"""The site as it is verified."""

from django.urls import include, path

urlpatterns = [path("verify/", include("pinning.verify.urls"))]
