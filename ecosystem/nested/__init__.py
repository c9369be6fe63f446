"""A tree of nested sets, for django-mptt."""
