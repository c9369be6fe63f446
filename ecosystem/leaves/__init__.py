"""Pages, for Wagtail."""
