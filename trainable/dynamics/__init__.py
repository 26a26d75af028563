"""The encoder as a dynamical system: its map, exponents, measures of states, and their means."""
