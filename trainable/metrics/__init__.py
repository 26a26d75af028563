"""Scores of trained models, each a number that rises as a model gets better."""
