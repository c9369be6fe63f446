"""What a request costs as threads, replicas and pinned users become more.

    python -m benchmarks.growth --json growth.json

A site in one process with so many threads, on a PostgreSQL primary and its replicas, with pins in a
cookie and in Redis; clients with tokens, in another process and at the same pace for any number of
threads; every user has a pin before the first request. The servers themselves tell what they were
asked. Bounded: ``--seconds`` for each of the combinations, and 100,000 scopes at the end.

- `world`: the servers, and a site on them that is measured; `settings` and `views` are the site's
- `load`: the clients
- `counts`: what the servers were asked; `memory`: what a process and a cookie hold
"""
