"""The views that simulated users visit. Without the pass of a run they do nothing."""

import functools
from collections.abc import Callable
from datetime import timedelta

from django.contrib.auth import login, logout
from django.db import IntegrityError, connections, router, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
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
from pinning.verify.passes import HEADER, Pass

_TEXT = "text/plain"

#: The session of the row that stands for the run itself. It stays, so that no run begins twice.
_RUN = -1

_FORGOTTEN_AFTER = timedelta(days=2)

_RAISE = f"""
UPDATE {Counter._meta.db_table} SET value = %s WHERE run = %s AND session = %s AND value < %s
"""  # noqa: S608  no value from outside

View = Callable[..., HttpResponse]


def with_pass(view: View) -> View:
    """Call the view with the request's pass; answer 403 where it has none that is good."""

    @csrf_exempt
    @never_cache
    @functools.wraps(view)
    def guarded(request: HttpRequest, **where: int) -> HttpResponse:
        shown = Pass.read(request.headers.get(HEADER, ""))
        if shown is None or where.get("session", 0) >= shown.sessions:
            return HttpResponse("Not without the pass of a run.", status=403)
        host, _ = split_domain_port(request.get_host())
        if host not in shown.hosts:
            return HttpResponse(f"The pass is not for {host}.", status=421, content_type=_TEXT)
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
        with transaction.atomic(using=_primary()):
            Counter.objects.bulk_create(rows)
    except IntegrityError:
        return HttpResponse("The run has begun before.", status=410)
    cluster = clusters().of_alias(_primary())
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
def value(request: HttpRequest, shown: Pass, session: int) -> HttpResponse:
    """Read the session's value, or write it by POST.

    With ``signed_in`` in the query the client takes itself for signed in; 401 if it is not.
    """
    if "signed_in" in request.GET and not _is_signed_in(request):
        return HttpResponse("Signed out.", status=401)
    if request.method == "POST":
        return _write(shown.run, session, int(request.POST["value"]))
    return _read(shown.run, session)


@with_pass
@require_POST
def sign_in(request: HttpRequest, shown: Pass, session: int) -> HttpResponse:
    """Sign the client in to the session's own account, as long as the run goes on."""
    if not Counter.objects.using(_primary()).filter(run=shown.run, session=session).exists():
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
    logins = Login.objects.using(_primary()).filter(run=run)
    accounts.end_sessions(logins.values_list("key", flat=True))
    accounts.remove_accounts(run)
    logins.delete()
    Counter.objects.filter(run=run, session__gt=_RUN).delete()


def _is_signed_in(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return user is not None and user.is_authenticated


@functools.cache
def _primary() -> str:
    """The alias to write to. Asked once: what has not asked the router has to be seen as well."""
    return str(router.db_for_write(Counter))


def _write(run: str, session: int, new: int) -> HttpResponse:
    """Write a value that is larger than all before: by itself, in a transaction, or as raw SQL."""
    alias = _primary()
    smaller = Counter.objects.filter(run=run, session=session, value__lt=new)
    if new % 3 == 0:
        smaller.update(value=new)
    elif new % 3 == 1:
        with transaction.atomic(using=alias):
            smaller.update(value=new)
    else:
        with connections[alias].cursor() as cursor:
            cursor.execute(_RAISE, [new, run, session, new])
    return JsonResponse({"value": new})


def _read(run: str, session: int) -> HttpResponse:
    """The value, 0 for none, where it was read and why."""
    mine = Counter.objects.filter(run=run, session=session)
    scope = current_scope()
    if scope is not None and scope.trace is None:
        scope.trace = []
    seen = mine.values_list("value", flat=True).first()
    where = scope.trace[-1]._asdict() if scope is not None and scope.trace else {"alias": mine.db}
    return JsonResponse({"reason": "", **where, "value": seen or 0})
