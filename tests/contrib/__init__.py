"""What pinning does with libraries that it does not need."""
