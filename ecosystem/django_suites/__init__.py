"""Django's own tests, run with pinning installed and every test in a scope."""
