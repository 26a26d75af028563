"""Exports: made, trained to the full budget, judged and used."""
