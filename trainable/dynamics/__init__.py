"""The encoder as a dynamical system: one measure a file, all of one sentence's states."""
