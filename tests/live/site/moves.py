"""Where the orders of a site are while they move, and where its things are, for MODELS."""

from pinning.move import moved
from pinning.testing.site import given

orders = moved("shop.Order", **given()["move"])
things = moved("move.Thing", where="region=eu", **given()["move"])
