"""Reservoir layers: drawing their weights, freezing and applying them."""
