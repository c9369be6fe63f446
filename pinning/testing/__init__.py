"""For tests: a pretended replica, and real servers on free loopback ports that are ended for sure.

- `pretend`: where reads would go in production, in a fast test, and which would be stale
- `postgres.Postgres`, `mariadb.MariaDB`, `mysql.MySQL`: a primary, its replicas, and theirs
- `redis.Redis` and `memcached.Memcached`: stores, empty at every start
- `pair.Pair`: a primary and its replica with one database
- `site.Site`: a Django project in a process of its own; `serve` is what it runs
- `processes.Server`: what they share (start, stop, kill, freeze, thaw), and their errors

The servers are for POSIX systems, and do not read the Django settings of their caller.
"""
