"""A small app whose rows the packages are tried on."""
