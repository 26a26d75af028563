"""Parts of torch, fairseq, Ray, Optuna and MLflow that are not their documented interface.

One file a library; nobody else uses such a part but by way of here.
"""
