"""A list of notes, to which anybody can add."""
