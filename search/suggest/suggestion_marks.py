"""User attributes that the search sets on Optuna's trials and study."""

from __future__ import annotations

REPEATED = "known"  # id of the trial whose value a repeated suggestion took
OUT_OF_BOUNDS = "out_of_bounds"  # reason why the suggestion was not trained
EARLIER = "earlier"  # name of the trial of an earlier study that the outcome is from
PROXY = "proxy"  # measure before training, and the seconds of measuring
DISCARDED = "discarded"  # reason why the proxy kept the suggestion from training
AUDITED = "audited"  # outside the proxy's share to keep, and trained all the same
FIRST = "first"  # a layout of search.first
RETRIED = "retried"  # id of the failed trial that the suggestion trains again
REFERENCE = "reference"  # role of a reference that the space has: model0 or deletion
LOST = "lost"  # on the study: numbers of suggestions whose trials are lost, or were retried

# Of the trial, for Optuna's dashboard and plots.
TRIAL = "trial"  # its id
LAYOUT = "layout"
DECODER = "decoder"
SCORE = "score"
RUN = "mlflow_run_id"
