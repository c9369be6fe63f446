"""Redis Cluster for django-redis, whose own factory cannot make a client for one.

Name it in CACHES: ``"OPTIONS": {"CONNECTION_FACTORY": "<path>"}``. LOCATION is the URL of any node.
"""

from typing import Any, ClassVar

from django_redis.pool import ConnectionFactory
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

#: By default redis-py tries a node that does not answer for some twenty times its timeout.
_RETRIES = 1


class ClusterConnectionFactory(ConnectionFactory):  # type: ignore[misc]  # which has no types
    """Makes one client for each URL and process: to make one costs several questions."""

    _known: ClassVar[dict[str, RedisCluster]] = {}

    def connect(self, url: str) -> RedisCluster:
        """The client for the cluster that the node at ``url`` belongs to."""
        if url not in self._known:
            parameters: dict[str, Any] = self.make_connection_params(url)
            del parameters["parser_class"]  # which is the client's own affair
            parameters["retry"] = Retry(NoBackoff(), _RETRIES)
            parameters.update(self.redis_client_cls_kwargs)
            self._known[url] = RedisCluster.from_url(**parameters)
        return self._known[url]

    def disconnect(self, connection: RedisCluster) -> None:
        """Close the client's connections to all nodes. It opens others when it is used again."""
        connection.disconnect_connection_pools()  # type: ignore[no-untyped-call]
