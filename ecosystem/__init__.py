"""Other people's packages, tried with pinning on a primary and a replica that lags."""
