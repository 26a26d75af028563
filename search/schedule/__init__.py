"""Early stopping of trials."""
