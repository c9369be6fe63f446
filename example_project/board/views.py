"""The pages of the board. None of them knows about replicas, but for what explains them."""

from typing import Any

from django.contrib.auth import views as auth_views
from django.db import DatabaseError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from example_project.board.contents import MOST_NOTES, read_notes
from example_project.board.forms import CommentForm, NoteForm
from example_project.board.models import Note
from example_project.panel.modes import REPLICA, mode
from example_project.panel.verdict import Evidence, Verdict, judge
from example_project.panel.views import panel_of, strip
from pinning import conf

_SIGNED_IN = "board_signed_in"


@require_http_methods(["GET", "POST"])
def board(request: Any) -> HttpResponse:
    """GET shows the notes; POST adds one and redirects to the GET, which has to show it."""
    form = NoteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        _post(request, form.cleaned_data)
        return redirect("board")
    if request.htmx and request.method == "POST":
        return render(request, "board/form.html", {"form": form})
    context = {"form": form, **_pane(request, "notes")}
    if request.htmx:
        return render(request, "board/posted.html", context)
    return render(request, "board/page.html", {**context, **strip(), **panel_of(request)})


@require_safe
def notes(request: Any) -> HttpResponse:
    """The part of the page that shows the notes to the one who looks at it."""
    return render(request, "board/pane.html", _pane(request, "notes"))


@require_safe
def other(request: Any) -> HttpResponse:
    """The same for another visitor: the page asks for it without cookies."""
    return render(request, "board/pane.html", _pane(request, "other"))


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
    return redirect("notes" if request.htmx else "board")


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


def _post(request: Any, values: dict[str, Any]) -> None:
    user = request.user if request.user.is_authenticated else None
    Note.objects.get_or_create(**values, defaults={"author": user, "visitor": request.visitor})


def _pane(request: Any, name: str) -> dict[str, Any]:
    """The notes as any view would read them, and a sentence on how that went."""
    shown = read_notes()
    has_lost_session = request.COOKIES.get(_SIGNED_IN) and not request.user.is_authenticated
    return {
        "pane": name,
        "notes": shown.values(),
        "verdict": _verdict(request, shown),
        "lost_session_of": request.COOKIES[_SIGNED_IN] if has_lost_session else "",
    }


def _verdict(request: Any, shown: dict[int, Any]) -> Verdict:
    # The last, as one whose replica fails under it is run again on the primary.
    queries = reversed(request.read_log.queries)
    read = next(run for run in queries if run.model == Note._meta.label)
    with request.read_log.paused():
        mine = Note.objects.using("default").filter(visitor=request.visitor)
        texts = dict(mine.values_list("pk", "text")[:MOST_NOTES])
        primary = read_notes("default")
        try:
            replica = read_notes(REPLICA)
        except DatabaseError:  # a site goes on without its replica, and so does this page
            replica = None
    return judge(
        Evidence(
            shown=shown,
            primary=primary,
            replica=replica,
            mine=texts,
            read=read,
            mode=mode(),
            window=conf.settings().window,
        )
    )
