"""The tenants of the site that django-tenants is tried on."""
