"""The site as uWSGI serves it after a warm-up: a request was answered before the workers fork."""

from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.test import RequestFactory

application = get_wsgi_application()
_request = RequestFactory().get("/notes", SERVER_NAME="127.0.0.1").environ
application(_request, lambda status, headers: None).close()
connections.close_all()  # or the workers would share them
