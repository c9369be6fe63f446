"""django-oauth-toolkit: a token is made by one request, and shown in the next."""

from django.urls import include, path

from ecosystem.project import migrate, start

PAIR = start(
    apps=("oauth2_provider",),
    after=("oauth2_provider.middleware.OAuth2TokenMiddleware",),
    AUTHENTICATION_BACKENDS=[
        "oauth2_provider.backends.OAuth2Backend",
        "django.contrib.auth.backends.ModelBackend",
    ],
    OAUTH2_PROVIDER={"SCOPES": {"read": "Read"}, "PKCE_REQUIRED": False},
    ROOT_URLCONF=__name__,
)
migrate(PAIR)

from typing import Any  # noqa: E402

import pytest  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.test import Client  # noqa: E402
from oauth2_provider.decorators import protected_resource  # noqa: E402
from oauth2_provider.models import AccessToken, Application  # noqa: E402

from ecosystem.journeys import Journeys  # noqa: E402


@protected_resource(scopes=["read"])
def whoami(request: HttpRequest) -> HttpResponse:
    """The name of the token's user."""
    return HttpResponse(request.resource_owner.username)


urlpatterns = [
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    path("whoami", whoami),
    path("", include("ecosystem.notes.urls")),
]


@pytest.fixture
def user(pair: Any) -> User:
    """On both servers, with the password "secret"."""
    name = f"user{User.objects.count()}"
    user = User.objects.db_manager("default").create_user(name, password="secret")
    pair.catch_up()
    return user


@pytest.fixture
def application(pair: Any, user: User) -> Application:
    """On both servers, with the secret "secret"."""
    application = Application.objects.create(
        name="app",
        user=user,
        client_secret="secret",
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris="https://app.example/back",
    )
    pair.catch_up()
    return application


class TestOAuthToolkit(Journeys):
    """With its middleware."""


def ask_for_token(program: Client, application: Application, **grant: str) -> dict[str, Any]:
    """What the application's own server asks, which is another client than the browser."""
    identity = {"client_id": application.client_id, "client_secret": "secret"}
    answer = program.post("/o/token/", {**identity, **grant})
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_code_is_changed_for_a_token_that_is_renewed(
    pair: Any, client: Client, user: User, application: Application
) -> None:
    program = Client()
    with pair.paused():
        client.force_login(user)
        asked = {
            "client_id": application.client_id,
            "response_type": "code",
            "redirect_uri": "https://app.example/back",
            "scope": "read",
        }
        back = client.post("/o/authorize/", {**asked, "allow": "Authorize"})
        code = back.headers["Location"].partition("code=")[2].partition("&")[0]
        token = ask_for_token(
            program,
            application,
            grant_type="authorization_code",
            code=code,
            redirect_uri="https://app.example/back",
        )
        bearer = {"Authorization": f"Bearer {token['access_token']}"}
        assert program.get("/whoami", headers=bearer).content.decode() == user.username
        token = ask_for_token(
            program, application, grant_type="refresh_token", refresh_token=token["refresh_token"]
        )
        renewed = {"Authorization": f"Bearer {token['access_token']}"}
        assert program.get("/whoami", headers=renewed).content.decode() == user.username
        assert program.get("/whoami", headers=bearer).status_code == 403
        assert AccessToken.objects.filter(user=user).count() == 1
