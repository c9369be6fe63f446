"""A page "Replicas" in Django's admin. Put ``"pinning.contrib.admin"`` into INSTALLED_APPS."""
