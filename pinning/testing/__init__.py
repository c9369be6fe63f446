"""Real servers for tests, demos and benchmarks, started on free loopback ports and ended for sure.

- `postgres.Postgres` and `mariadb.MariaDB`: a primary, its replicas, and replicas of replicas
- `redis.Redis` and `memcached.Memcached`: stores, empty at every start
- `pair.Pair`: a primary and its replica with one database
- `site.Site`: a Django project in a process of its own; `serve` is what it runs
- `processes.Server`: what they share (start, stop, kill, freeze, thaw), and their errors

For POSIX systems. Nothing here reads the Django settings of its caller.
"""
