"""Who suggests the next candidate, and what becomes of each suggestion."""
