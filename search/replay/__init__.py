"""Recorded trials as a simulated trainable: the real search, in simulated time."""
