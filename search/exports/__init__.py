"""Exports of layouts: full training, evaluation, files, and translation with them."""
