"""Ways to route side by side: on one primary and one replica that lags, under the same visitors.

- `ways`: the ways, as settings of a site; `routers` has those that are no package
- `site`: the site that each of them serves, in a process of its own; `counts` what a request cost
- `visitors`: the users, in another process that `crowds` starts; `visits` what they saw, as figures
- `servers`: the primary, the replica, Redis, and how late the replica is
- `run`: all of it together, in rounds
"""
