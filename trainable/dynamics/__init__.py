"""The encoder as a dynamical system: its map, Lyapunov exponents, and measures of its states."""
