"""Rows of several classes in one table, for django-polymorphic."""
