"""A tenant and its domain."""

from django.db import models
from django_tenants.models import DomainMixin, TenantMixin


class Tenant(TenantMixin):
    """A tenant, in a schema of its own."""

    name = models.TextField()


class Domain(DomainMixin):
    """The host by which visitors come to a tenant."""
