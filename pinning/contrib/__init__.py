"""Optional libraries that pinning works with but does not need: one file for each."""
