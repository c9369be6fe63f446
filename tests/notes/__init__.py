"""A small site that the tests send requests to."""
