"""Parts of Ray, Optuna and MLflow that are not their documented interface; used by way of here."""
