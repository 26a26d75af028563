"""Statistics of learning curves, seeds and rank correlations."""
