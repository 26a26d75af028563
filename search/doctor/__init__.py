"""Whether the four memories of a study agree: trials.jsonl, Optuna, the checkpoints, MLflow."""
