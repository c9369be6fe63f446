"""``manage.py pinning_explain /path/``: where a page reads and why, and what its writes pin."""

import time
import traceback
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any
from urllib.parse import urlencode

from django.conf import settings as django_settings
from django.contrib import auth
from django.core.management.base import BaseCommand, CommandError
from django.test import Client
from django.test.utils import override_settings

from pinning import conf
from pinning.management import explanation
from pinning.pins import Pins, cookies, held, signing
from pinning.scopes import Read, Write, traced

_IN_COOKIE = "django.contrib.sessions.backends.signed_cookies"
_FORM_TYPE = "application/x-www-form-urlencoded"

#: The methods that only show something.
_SHOW = ("GET", "HEAD")


class Command(BaseCommand):
    """Serve a page in this process, and say where it reads, why, and what it pins."""

    help = (
        "Serve a page in this process, and say where each of its reads goes, why, and which line "
        "asks for it. The page is served for real: whatever it writes stays in the database and "
        "whatever it sends is sent, for a GET as well as for a POST."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The page, and who asks for it."""
        add = parser.add_argument
        add("path", help="the path of the page, with its query: /notes/?page=2")
        add("--user", metavar="NAME", help="who is signed in; no session is made in the database")
        add("--method", default="GET", type=str.upper, help="the request's method (%(default)s)")
        data = "a field of the form, several times for several"
        add("--data", action="append", default=[], metavar="NAME=VALUE", help=data)
        add("--host", help="the host that is asked; without it, one of ALLOWED_HOSTS")
        after = "ask a second time, as a user whose last write no replica has yet"
        add("--after-write", action="store_true", help=after)

    def handle(self, *_: Any, **options: Any) -> None:
        """Visit once or twice, and tell."""
        if options["after_write"] and options["method"] not in _SHOW:
            raise CommandError("--after-write asks twice, so it is for methods that only show.")
        with _client_of(options) as client:
            trace = self._visit(client, options)
            after = None
            if options["after_write"]:
                client.cookies[cookies.names().slots[0]] = _unseen()
                after = self._visit(client, options)
        warnings = filter(None, map(explanation.warning, (trace, after or [])))
        for text in dict.fromkeys(warnings):
            self.stdout.write(self.style.WARNING(text))
        self.stdout.write(explanation.summary(trace, after))
        for text in explanation.remedies(trace, after):
            self.stdout.write(text)

    def _visit(self, client: Client, options: dict[str, Any]) -> list[Read | Write]:
        method, path, form = options["method"], options["path"], _form_of(options["data"])
        is_secure = django_settings.SECURE_SSL_REDIRECT
        if form and method in _SHOW:  # their form is the query
            path, form = f"{path}{'&' if '?' in path else '?'}{form}", ""
        with traced() as trace:
            response: Any = client.generic(method, path, form, _FORM_TYPE, secure=is_secure)
            if response.streaming:
                response.getvalue()
        if response.exc_info:
            self.stderr.write("".join(traceback.format_exception(*response.exc_info)))
        self.stdout.write(f"{method} {path} answers {response.status_code}:")
        for line in explanation.table_of(trace):
            self.stdout.write(line)
        return trace


@contextmanager
def _client_of(options: dict[str, Any]) -> Iterator[Client]:
    """A client who is signed in if need be. Its session is in a cookie, so it is not read."""
    with ExitStack() as stack:
        client = Client(raise_request_exception=False, HTTP_HOST=options["host"] or _host())
        if options["user"] is not None:
            user = _user_of(options["user"])
            stack.enter_context(override_settings(SESSION_ENGINE=_IN_COOKIE))
            session = import_module(_IN_COOKIE).SessionStore()
            session[auth.SESSION_KEY] = user._meta.pk.value_to_string(user)
            session[auth.BACKEND_SESSION_KEY] = django_settings.AUTHENTICATION_BACKENDS[0]
            session[auth.HASH_SESSION_KEY] = user.get_session_auth_hash()
            session.save()
            client.cookies[django_settings.SESSION_COOKIE_NAME] = session.session_key
        yield client


def _user_of(name: str) -> Any:
    model = auth.get_user_model()
    try:
        return model._default_manager.get_by_natural_key(name)
    except model.DoesNotExist as error:
        raise CommandError(f"There is no user {name!r}.") from error


def _host() -> str:
    """A host that the site takes."""
    for host in django_settings.ALLOWED_HOSTS:
        if host != "*":
            return str(host).removeprefix(".")
    return "localhost"


def _form_of(fields: Sequence[str]) -> str:
    pairs = [field.partition("=") for field in fields]
    for field, (_, is_there, _) in zip(fields, pairs, strict=True):
        if not is_there:
            raise CommandError(f"--data takes NAME=VALUE, not {field!r}.")
    return urlencode([(name, value) for name, _, value in pairs])


def _unseen() -> str:
    """A cookie with pins that no replica reaches, as nobody knows the position."""
    now = time.time()
    return signing.sign(Pins(held(name, now) for name in conf.settings().replicas), signing.COOKIE)
