"""The note board."""
