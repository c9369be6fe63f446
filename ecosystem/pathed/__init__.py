"""Trees of each kind that django-treebeard has."""
