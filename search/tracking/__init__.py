"""MLflow: the store of a study, its runs, and the user interface."""
