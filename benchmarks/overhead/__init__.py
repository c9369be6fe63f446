"""What a query, a statement and an empty request pay for routing, next to parts that do nothing.

No server is asked: the databases are SQLite, and nothing is read.

- `candidates`: what is compared
- `timers` and `views`: how long it takes, in a request
- `run`: all of it, in rounds; `memory`: what a scope holds
"""
