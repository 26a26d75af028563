"""Search algorithms: the next candidate, and the outcome of each suggestion."""
