"""Ray, on this machine or on many: where trials run, and what may join."""
