"""Ways to make an update: eager, or recorded once for each shape of a batch."""
