"""Layouts, their parameter and FLOP counts by arithmetic, and search spaces over them."""
