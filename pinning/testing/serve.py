"""Serves a Django project on a loopback port: ``python -m pinning.testing.serve wsgi 8000``.

By WSGI with a thread for each connection, or by ASGI with uvicorn; what WSGI_APPLICATION and
ASGI_APPLICATION name, if the settings have them.
"""

import sys

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.servers.basehttp import (
    ThreadedWSGIServer,
    WSGIRequestHandler,
    get_internal_wsgi_application,
)
from django.utils.module_loading import import_string


class Server(ThreadedWSGIServer):
    """Lets visitors come all at once; Django's resets the connections of all but ten."""

    request_queue_size = 128


class QuietHandler(WSGIRequestHandler):
    """Logs nothing, and lets the body follow the headers at once: else it waits for 40 ms."""

    disable_nagle_algorithm = True

    def log_message(self, *args: object) -> None:
        """Log nothing."""


def serve(kind: str, port: int) -> None:
    """Serve until the process is ended."""
    if kind == "asgi":
        import uvicorn

        name = getattr(settings, "ASGI_APPLICATION", None)
        application = import_string(name) if name else get_asgi_application()
        uvicorn.run(application, host="127.0.0.1", port=port, log_level="warning")
    else:
        server = Server(("127.0.0.1", port), QuietHandler)
        server.set_app(get_internal_wsgi_application())
        server.serve_forever()


if __name__ == "__main__":
    django.setup()
    serve(sys.argv[1], int(sys.argv[2]))
