"""The site as APIs and second devices see it: REST framework, django-ninja, and plain views."""

from typing import Any

from django.contrib.auth import authenticate, login, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from ninja import NinjaAPI
from ninja.security import APIKeyHeader, HttpBearer
from rest_framework.authentication import SessionAuthentication, TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from tests.live.site import sync_urls
from tests.live.site.traced import note_list
from tests.notes.models import Note


def texts() -> list[str]:
    return [note.text for note in Note.objects.order_by("pk")]


class NoteView(APIView):
    authentication_classes = [TokenAuthentication, SessionAuthentication]
    permission_classes = [IsAuthenticated]

    def get(self, request: Request) -> Response:
        return Response({"notes": texts()})

    def post(self, request: Request) -> Response:
        Note.objects.create(text=request.data["text"])
        return Response(status=201)


class NoteViewSet(ViewSet):
    authentication_classes = [TokenAuthentication]
    permission_classes = [IsAuthenticated]

    def list(self, request: Request) -> Response:
        return Response({"notes": texts()})

    def create(self, request: Request) -> Response:
        Note.objects.create(text=request.data["text"])
        return Response(status=201)


class Bearer(HttpBearer):
    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        return User.objects.filter(auth_token__key=token).first()


class AsyncBearer(HttpBearer):
    async def authenticate(self, request: HttpRequest, token: str) -> User | None:
        return await User.objects.filter(auth_token__key=token).afirst()


class Key(APIKeyHeader):
    param_name = "X-API-Key"

    def authenticate(self, request: HttpRequest, key: str | None) -> User | None:
        token = Token.objects.select_related("user").filter(key=key).first()
        return token.user if token else None


api = NinjaAPI()


@api.get("/notes", auth=Bearer())
@api.get("/key/notes", auth=Key(), operation_id="key_notes")
def ninja_notes(request: HttpRequest) -> Any:
    return note_list(texts())


@api.post("/notes", auth=Bearer())
@api.post("/key/notes", auth=Key(), operation_id="key_create")
def ninja_create(request: HttpRequest) -> Any:
    Note.objects.create(text=request.POST["text"])
    return {}


@api.get("/async/notes", auth=AsyncBearer())
async def ninja_async_notes(request: HttpRequest) -> Any:
    return note_list([note.text async for note in Note.objects.order_by("pk")])


@api.post("/async/notes", auth=AsyncBearer())
async def ninja_async_create(request: HttpRequest) -> Any:
    await Note.objects.acreate(text=request.POST["text"])
    return {}


@login_required
def mine(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        Note.objects.create(text=request.POST["text"])
    return note_list(texts())


async def mine_async(request: HttpRequest) -> HttpResponse:
    user = await request.auser()  # type: ignore[attr-defined]
    if request.method == "POST":
        await Note.objects.acreate(text=f"{request.POST['text']} of {user.pk}"[:3])
    return note_list([note.text async for note in Note.objects.order_by("pk")])


def leave(request: HttpRequest) -> HttpResponse:
    """Write, ask nobody who the user is, and end the session."""
    Note.objects.create(text=request.POST["text"])
    request.session.flush()
    return HttpResponse()


def sign_in_as(request: HttpRequest) -> HttpResponse:
    login(request, authenticate(request, username=request.POST["name"], password="secret"))
    return HttpResponse()


@login_required
def new_password(request: HttpRequest) -> HttpResponse:
    request.user.set_password("secret")  # another hash of it
    request.user.save()
    update_session_auth_hash(request, request.user)
    return HttpResponse()


router = SimpleRouter()
router.register("set", NoteViewSet, basename="set")

urlpatterns = [
    path("rest/notes", NoteView.as_view()),
    path("rest/", include(router.urls)),
    path("ninja/", api.urls),
    path("mine", mine),
    path("mine/async", mine_async),
    path("leave", leave),
    path("sign-in-as", sign_in_as),
    path("new-password", new_password),
    *sync_urls.urlpatterns,
]
