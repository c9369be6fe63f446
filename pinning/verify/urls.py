"""What the site includes: ``path("pinning-verify/", include("pinning.verify.urls"))``."""

from django.urls import path

from pinning.verify import views

app_name = "pinning_verify"

urlpatterns = [
    path("begin", views.begin, name="begin"),
    path("end", views.end, name="end"),
    path("<int:session>/value", views.value, name="value"),
    path("<int:session>/login", views.sign_in, name="login"),
    path("<int:session>/logout", views.sign_out, name="logout"),
]
