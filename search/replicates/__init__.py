"""Training of given layouts with several seeds each, for confirm and reproduce."""
