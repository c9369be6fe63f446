"""What is around the board: the control strip, and the panel that tells where each read went."""
