"""An app that may live in a cluster of its own: no constraint of its tables leaves it."""
