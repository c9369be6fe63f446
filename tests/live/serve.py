"""Serves the site on a port, by WSGI with a thread for each request or by ASGI with uvicorn,
there also with the websockets of Channels."""

import sys

import django
from django.core.asgi import get_asgi_application
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application


class Server(ThreadedWSGIServer):
    """Lets visitors come all at once; Django's resets the connections of all but ten."""

    request_queue_size = 128


class QuietHandler(WSGIRequestHandler):
    """Logs nothing, and lets the body follow the headers at once: else it waits for 40 ms."""

    disable_nagle_algorithm = True

    def log_message(self, *args: object) -> None:
        pass


def serve(kind: str, port: int) -> None:
    """Serve until the process is ended."""
    if kind in {"asgi", "channels"}:
        import uvicorn

        application = get_asgi_application()
        if kind == "channels":
            from tests.live.sockets import application  # type: ignore[no-redef]
        uvicorn.run(application, host="127.0.0.1", port=port, log_level="warning")
    else:
        server = Server(("127.0.0.1", port), QuietHandler)
        server.set_app(get_wsgi_application())
        server.serve_forever()


if __name__ == "__main__":
    django.setup()
    serve(sys.argv[1], int(sys.argv[2]))
