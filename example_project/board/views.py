"""The pages of the board. None of them knows about replicas, but for what explains them."""

from typing import Any

from django.contrib.auth import views as auth_views
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from example_project.activity.events import record
from example_project.board.evidence import gather
from example_project.board.forms import CommentForm, NoteForm
from example_project.board.models import Note
from example_project.panel.controls import controls_at, work
from example_project.panel.modes import Mode, mode
from example_project.panel.panel import panel_at
from example_project.panel.verdict import Evidence, judge
from pinning import read_only

_SIGNED_IN = "board_signed_in"


@require_http_methods(["GET", "POST"])
def board(request: Any) -> HttpResponse:
    """GET shows the notes; POST adds one and redirects to the GET, which has to show it."""
    form = NoteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        _post(request, form.cleaned_data)
        return redirect("board")
    return _page(request, form=form)


@read_only
@require_POST
def controls(request: Any) -> HttpResponse:
    """Do what was asked, and say so if it failed."""
    problem = work(request.POST)
    return _page(request, form=NoteForm(), problem=problem) if problem else redirect("board")


@require_safe
def other(request: Any) -> HttpResponse:
    """The notes for another visitor: the page asks for them without cookies."""
    return render(request, "board/pane.html", {"pane": "other", **_pane(gather(request))})


@require_http_methods(["GET", "POST"])
def note(request: Any, number: int) -> HttpResponse:
    """GET shows a note with its comments; POST adds one."""
    shown = Note.objects.filter(pk=number).first()
    if shown is None:
        if not request.read_log.queries:  # a number so large that nobody was asked
            raise Http404
        context = {"number": number, "read": request.read_log.queries[-1]}
        return render(request, "board/absent.html", context, status=404)
    form = CommentForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        shown.comments.create(**form.cleaned_data)
        return redirect("note", number=number)
    comments = list(shown.comments.all())
    context = {"note": shown, "form": form, "comments": comments}
    return render(request, "board/note.html", {**context, "queries": request.read_log.queries})


@require_POST
def like(request: Any, number: int) -> HttpResponse:
    """Like a note, or like it no more."""
    liked, is_new = get_object_or_404(Note, pk=number).likes.get_or_create(visitor=request.visitor)
    if not is_new:
        liked.delete()
    likes = "likes" if is_new else "no longer likes"
    problem = record(f"{_name_of(request)} {likes} {liked.note}")
    return _page(request, form=NoteForm(), problem=problem) if problem else redirect("board")


class LoginView(auth_views.LoginView):
    """Django's own, which leaves a cookie by which the board notices when a session is lost."""

    template_name = "board/login.html"

    def form_valid(self, form: Any) -> HttpResponse:
        """Sign in."""
        response = super().form_valid(form)
        name = form.get_user().get_username()
        response.set_cookie(_SIGNED_IN, name, max_age=30, httponly=True, samesite="Lax")
        return response


class LogoutView(auth_views.LogoutView):
    """Django's own, which takes that cookie away."""

    def post(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sign out."""
        response = super().post(request, *args, **kwargs)
        response.delete_cookie(_SIGNED_IN)
        return response


def _name_of(request: Any) -> str:
    return request.user.get_username() or "somebody"


def _post(request: Any, values: dict[str, Any]) -> None:
    user = request.user if request.user.is_authenticated else None
    Note.objects.get_or_create(**values, defaults={"author": user, "visitor": request.visitor})


def _page(request: Any, **more: Any) -> HttpResponse:
    """The whole page, of which a script takes the parts that it needs."""
    evidence = gather(request)
    context = {
        "pane": "notes",
        **_pane(evidence),
        **controls_at(evidence.progress),
        **panel_at(evidence.progress, evidence.behind, request.visitor),
        "lost_session_of": _lost_session(request),
    }
    return render(request, "board/page.html", {**context, **more})


def _pane(evidence: Evidence) -> dict[str, Any]:
    return {"notes": evidence.shown.values(), "verdict": judge(evidence)}


def _lost_session(request: Any) -> str:
    """Whose it was. By position none is lost."""
    is_lost = mode() is not Mode.POSITION and not request.user.is_authenticated
    return request.COOKIES.get(_SIGNED_IN, "") if is_lost else ""
