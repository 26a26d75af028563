"""Reservoir layers: how their weights are drawn, frozen and applied."""
