"""What a newcomer reads when a search is over."""

from __future__ import annotations

import sys

from search.report.trials_table import study_table
from search.run.driver import StudyResult
from search.study.ledger import sorted_records
from search.study.ranking import best_trial


def print_result(result: StudyResult) -> None:
    """The table of trials, the winner in words, and what to do next."""
    study_table(result.folder)
    config = result.folder.config()
    name = config.name
    records = sorted_records(result.folder.trials)
    best = best_trial(records, config.objective)
    assert best is not None
    assert best.best_score is not None
    n_stopped = sum(record.state == "stopped" for record in records)
    n_failed = sum(record.state == "failed" for record in records)
    print(f"\n{result.counts}; {n_stopped} stopped early, {n_failed} failed")
    print(
        f"best: trial {best.id}, encoder {best.canonical}, decoder {best.decoder}: "
        f"{best.metric} {best.best_score:.2f}, {best.counts.total / 1e6:.3f} M parameters "
        f"({best.counts.learned / 1e6:.3f} M learned)"
    )
    print("\nR layers are random and frozen, L layers learn; equal numbers share weights.")
    print(f"  export it:        reservoir-search export {name}")
    print(f"  compare trials:   reservoir-search ui {name}")
    if not result.mlflow_is_complete:
        print(
            f"MLflow does not have everything yet; send it with: reservoir-search resume {name}",
            file=sys.stderr,
        )
