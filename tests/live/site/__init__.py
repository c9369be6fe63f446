"""The site that the tests visit, and what they look at it with."""
