"""Checks that a study's four stores agree: trials.jsonl, Optuna, the checkpoints, MLflow."""
