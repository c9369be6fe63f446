"""The documentation as a site: `make docs` builds it, and a warning is an error.

The theme brings search, and light and dark. The four kinds of pages in the menu are the captions of
docs/index.md.
"""

project = "django-pinning"
copyright = "the django-pinning authors"  # noqa: A001  Sphinx reads this name
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
nitpicky = True

# `settings.md#max_pin` leads to a heading here as it does where Markdown is shown as it is.
myst_heading_anchors = 3

html_theme = "furo"
html_title = "django-pinning"
html_favicon = html_logo = "_static/pin.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_sphinx = False
html_show_sourcelink = html_copy_source = False

# The green of the plots.
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0b6e4f",
        "color-brand-content": "#0b6e4f",
        "color-brand-visited": "#0b6e4f",
    },
    "dark_css_variables": {
        "color-brand-primary": "#74b79a",
        "color-brand-content": "#8ccbb0",
        "color-brand-visited": "#8ccbb0",
    },
}
