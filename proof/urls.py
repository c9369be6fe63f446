"""What the crowds visit."""

from django.urls import include, path

from pinning.verify import urls
from proof import views

_ways = [
    path("begin", views.begin),
    path("<int:session>/proof", views.way),
    path("<int:session>/async", views.async_way),
    *urls.urlpatterns,
]

urlpatterns = [path("verify/", include((_ways, urls.app_name)))]
