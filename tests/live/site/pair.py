"""The site's primary and replica."""

from contextlib import ExitStack, closing
from typing import Any

from pinning.testing import pair
from tests.live.site.clients import Site
from tests.services import service

DATABASE = "app"
_CREATE = "from django.contrib.auth.models import User; User.objects.create_user"


class Pair(pair.Pair):
    """A primary and its replica, with the site's tables."""

    def settings(self, **more: Any) -> dict[str, Any]:
        """What the site's settings are given."""
        return {
            "primary": self.primary.settings(DATABASE),
            "replicas": {"replica1": self.replica.settings(DATABASE)},
            "stores": ["cookie"],
            "atomic_requests": False,
            "urls": "sync_urls",
            "redis": "",
            "pinning": {},
            **more,
        }

    def reset(self) -> None:
        """Empty tables, one user, everything replayed."""
        tables = ("attachment", "note_tags", "note", "tag", "comment")
        self.execute("".join(f"DELETE FROM notes_{table};" for table in tables))
        for table in ("django_session", "pinning_verify_counter"):
            self.execute(f"DELETE FROM {table}")
        self.catch_up()


def make_pair(stack: ExitStack, vendor: str = "postgresql") -> Pair:
    """Start both, and make the tables and the one user."""
    pair: Pair = stack.enter_context(service(Pair.running(vendor, database=DATABASE)))
    with closing(Site("wsgi", pair.settings())) as site:
        site.manage("createcachetable")
        pair.create_tables(site)
        site.manage("shell", "-v", "0", "-c", f"{_CREATE}('writer', password='secret')")
    pair.replica.wait_until_caught_up()
    return pair
