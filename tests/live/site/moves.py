"""Where the orders of a site are while they move, for MODELS."""

from pinning.move import moved
from pinning.testing.site import given

orders = moved("shop.Order", **given()["move"])
