"""Parts of torch, fairseq, Ray, Optuna and MLflow that are not their documented interface.

One file per library; all other modules use such parts through these files.
"""
