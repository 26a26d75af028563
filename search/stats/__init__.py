"""Statistics of curves, seeds and ranks."""
