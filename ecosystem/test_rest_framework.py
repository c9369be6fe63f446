"""Django REST framework: a view set, and a token."""

from ecosystem.project import migrate, start

PAIR = start(apps=("rest_framework", "rest_framework.authtoken"), ROOT_URLCONF=__name__)
migrate(PAIR)

from typing import Any  # noqa: E402

import pytest  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from rest_framework import authentication, permissions, routers, serializers, viewsets  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402
from rest_framework.test import APIClient  # noqa: E402

from ecosystem.notes.models import Note  # noqa: E402


class NoteSerializer(serializers.ModelSerializer):
    class Meta:
        model = Note
        fields = ["id", "text"]


class Notes(viewsets.ModelViewSet):
    queryset = Note.objects.all()
    serializer_class = NoteSerializer
    authentication_classes = [authentication.TokenAuthentication]
    permission_classes = [permissions.IsAuthenticated]


router = routers.SimpleRouter()
router.register("notes", Notes)
urlpatterns = router.urls


@pytest.fixture
def api(pair: Any) -> APIClient:
    """A client with a token, which keeps cookies."""
    user = User.objects.db_manager("default").create_user(f"user{User.objects.count()}")
    token = Token.objects.using("default").create(user=user)
    pair.catch_up()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token.key}")
    return client


def test_whoever_wrote_sees_it(pair: Any, api: APIClient, note: Note) -> None:
    with pair.paused():
        place = f"/notes/{note.pk}/"
        assert api.patch(place, {"text": "new"}).json()["text"] == "new"
        assert api.get(place).json()["text"] == "new"
        made = api.post("/notes/", {"text": "more"}).json()
        assert api.get(f"/notes/{made['id']}/").status_code == 200
        assert api.delete(place).status_code == 204
        assert api.get(place).status_code == 404
