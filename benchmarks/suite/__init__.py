"""An ordinary suite, run with the pytest plugin and without."""
