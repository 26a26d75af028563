"""One session of a study: the driver, Ray Tune's experiment, and what records it."""
