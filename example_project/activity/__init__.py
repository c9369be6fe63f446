"""What people did: events, which can be moved to a second cluster while the board is used."""
