"""Sublayers and layers of the Transformer that learned and reservoir layers have in common."""
