"""The page's table: Wagtail has migrations, so its pages need them."""
