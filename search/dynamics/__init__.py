"""Measurement of an encoder as a dynamical system, for ``reservoir-search dynamics``."""
