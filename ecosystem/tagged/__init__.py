"""Rows with tags, for django-taggit."""
