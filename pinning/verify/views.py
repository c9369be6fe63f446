"""The views that simulated users visit. Without the pass of a run they do nothing."""

import functools
from collections.abc import Callable
from datetime import timedelta

from django.contrib.auth import login, logout
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.http.request import split_domain_port
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from pinning import current_scope
from pinning.conf import clusters
from pinning.pins import identity_rule
from pinning.pins.stores import stores
from pinning.verify import accounts
from pinning.verify.models import Counter, Login
from pinning.verify.numbers import WORK, Number, primary
from pinning.verify.passes import HEADER, Pass

_TEXT = "text/plain"

#: The session of the row that stands for the run itself. It stays, so that no run begins twice.
_RUN = -1

_FORGOTTEN_AFTER = timedelta(days=2)

View = Callable[..., HttpResponseBase]


def with_pass(view: View) -> View:
    """Call the view with the request's pass; answer 403 where it has none that is good.

    With ``signed_in`` in the query the client takes itself for signed in; 401 if it is not.
    """

    @csrf_exempt
    @never_cache
    @functools.wraps(view)
    def guarded(request: HttpRequest, **where: int) -> HttpResponseBase:
        shown = Pass.read(request.headers.get(HEADER, ""))
        if shown is None or where.get("session", 0) >= shown.sessions:
            return HttpResponse("Not without the pass of a run.", status=403)
        host, _ = split_domain_port(request.get_host())
        if host not in shown.hosts:
            return HttpResponse(f"The pass is not for {host}.", status=421, content_type=_TEXT)
        if "signed_in" in request.GET and not _is_signed_in(request):
            return HttpResponse("Signed out.", status=401)
        return view(request, shown, **where)

    guarded.login_required = False  # type: ignore[attr-defined]  # for LoginRequiredMiddleware
    return guarded


@with_pass
@require_POST
def begin(request: HttpRequest, shown: Pass) -> HttpResponse:  # noqa: ARG001
    """Make the rows of a run, remove those of runs that nobody ended, and tell what there is.

    A run begins once: 410 if it has begun before, whether it has ended or not.
    """
    old = Counter.objects.filter(made__lt=timezone.now() - _FORGOTTEN_AFTER)
    for run in set(old.values_list("run", flat=True)):
        _remove(run)
        Counter.objects.filter(run=run).delete()
    rows = [Counter(run=shown.run, session=n) for n in range(_RUN, shown.sessions)]
    try:
        with transaction.atomic(using=primary()):
            Counter.objects.bulk_create(rows)
    except IntegrityError:
        return HttpResponse("The run has begun before.", status=410)
    cluster = clusters().of_alias(primary())
    return JsonResponse(
        {
            "has_scope": current_scope() is not None,
            "replicas": [] if cluster is None else list(cluster.replicas),
            "has_server_side": stores().has_server_side,
            "has_rule": identity_rule.rule() is not None,
            "no_accounts": accounts.obstacle(),
        }
    )


@with_pass
@require_POST
def end(request: HttpRequest, shown: Pass) -> HttpResponse:  # noqa: ARG001
    """Remove all that the run has made."""
    _remove(shown.run)
    return JsonResponse({})


@with_pass
def value(request: HttpRequest, shown: Pass, session: int) -> HttpResponseBase:
    """Read the session's number or write it, in the ``way`` that the query names."""
    work = WORK.get(request.GET.get("way", "read"))
    if work is None:
        raise Http404
    return work(request, Number(shown.run, session, int(request.GET.get("new", 0))))


@with_pass
@require_POST
def sign_in(request: HttpRequest, shown: Pass, session: int) -> HttpResponse:
    """Sign the client in to the session's own account, as long as the run goes on."""
    if not Counter.objects.using(primary()).filter(run=shown.run, session=session).exists():
        return HttpResponse("The run is over.", status=410)
    login(request, accounts.account(shown.run, session), backend=accounts.BACKEND)
    if key := request.session.session_key:
        Login.objects.create(run=shown.run, key=key)
    return JsonResponse({})


@with_pass
@require_POST
def sign_out(request: HttpRequest, shown: Pass, session: int) -> HttpResponse:  # noqa: ARG001
    """Sign the client out."""
    logout(request)
    return JsonResponse({})


def _remove(run: str) -> None:
    """The accounts first: where something keeps them, the rows bring the run back to mind."""
    logins = Login.objects.using(primary()).filter(run=run)
    accounts.end_sessions(logins.values_list("key", flat=True))
    accounts.remove_accounts(run)
    logins.delete()
    Counter.objects.filter(run=run, session__gt=_RUN).delete()


def _is_signed_in(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return user is not None and user.is_authenticated
