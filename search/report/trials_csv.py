"""All trials of a study as CSV, for spreadsheets and programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from search.study.trial_record import TrialRecord
from trainable.config import ModelConfig, TrainConfig

# Fields of TrialRecord.summary. Programs read them by name: a new one goes to the end.
_FIELDS = (
    *("id", "reference", "state", "reason", "layout", "decoder", "seed", "metric", "score"),
    *("aucc", "objective", "clock", "time_to_best", "loss_minimum", "time_to_minimum_loss"),
    *("n_updates", "n_epochs", "mean_tokens_per_s", "peak_memory_mib", "weights_mib", "warmup_s"),
    *("n_params_total", "n_params_learned", "n_params_stored", "n_params_encoder"),
    *("proxy", "mlflow_run_id"),
)
_HYPER = tuple(
    f"{table}.{name}"
    for table, settings in (("model", ModelConfig), ("train", TrainConfig))
    for name in settings.model_fields
    if name not in ("encoder", "decoder")  # they are among the fields
)


def trials_csv(records: Sequence[TrialRecord]) -> str:
    """A header and a row for each trial; what a trial does not have is empty.

    The columns are the same for all studies: fields of ``show --json``, then every setting of
    ``[model]`` and ``[train]``.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, (*_FIELDS, *_HYPER), lineterminator="\n")
    table.writeheader()
    for record in records:
        summary = record.summary()
        table.writerow(summary | summary.pop("hyper"))
    return text.getvalue()
