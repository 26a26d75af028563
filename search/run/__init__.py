"""One session of a study: the driver, Ray Tune's experiment, its records and its progress."""
