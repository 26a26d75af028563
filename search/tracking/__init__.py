"""MLflow: where a study is recorded, its runs, and the user interface."""
