"""The documentation as a site: `make docs` builds it, and a warning is an error."""

project = "django-pinning"
copyright = "the django-pinning authors"  # noqa: A001  Sphinx reads this name
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "django-pinning"
html_show_sphinx = False
nitpicky = True

# `settings.md#max_pin` leads to a heading here as it does where Markdown is shown as it is.
myst_heading_anchors = 3
