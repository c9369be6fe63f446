"""Rows with a history, for django-simple-history."""
