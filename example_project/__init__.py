"""A note board on a primary and a replica that lags: see what read-your-writes is about."""
