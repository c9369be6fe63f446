"""What the crowds visit."""

from django.urls import include, path

urlpatterns = [path("verify/", include("pinning.verify.urls"))]
