"""Journeys of real HTTP clients through a real server on a replica that lags."""
