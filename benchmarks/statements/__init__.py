"""What it costs to tell what a statement does, for the nastiest texts of each size."""
