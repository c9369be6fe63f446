"""One file for each library that pinning knows and does not need."""
