"""Layouts, their parameter and FLOP counts by arithmetic, and search spaces over them.

Part of reservoir-search, which tells it from another ``spaces`` by this line.
"""
