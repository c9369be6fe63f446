"""What routing by position is worth and what it costs: docs/benchmarks.md.

- `overhead`: a query, a statement, an empty request and a scope, without any server
- `peers`: ways to route side by side, on a primary and a replica that lags
- `growth`: what a request costs as threads, replicas and pinned users become more
- `page`: what is made of their numbers, which are in `results`
"""
