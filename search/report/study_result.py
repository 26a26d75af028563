"""Result of a search, printed at its end."""

from __future__ import annotations

from collections.abc import Sequence

from search.report.trials_table import print_disk_usage, print_standing, study_table
from search.run.driver import StudyResult
from search.study.config import StudyConfig
from search.study.console import say, say_sentence, tell
from search.study.ledger import sorted_records
from search.study.ranking import best_trial
from search.study.reservoir_verdict import reservoir_verdict
from search.study.trial_record import TrialRecord
from search.study.varied_settings import settings_texts


def print_result(result: StudyResult) -> None:
    """Print the table of trials, the winner, and the commands to run next."""
    study_table(result.folder)
    print_disk_usage(result.folder)
    config = result.folder.config()
    name = result.folder.argument
    records = sorted_records(result.folder.trials)
    best = best_trial(records, config.objective)
    assert best is not None
    assert best.best_score is not None
    n_references = sum(record.reference is not None for record in records)
    n_stopped = sum(record.state == "stopped" for record in records)
    n_failed = sum(record.state == "failed" for record in records)
    beside = f"; beside them {n_references} to compare with" if n_references else ""
    say_sentence(f"\n{result.counts}; {n_stopped} stopped early, {n_failed} failed{beside}")
    say_sentence(
        f"best: trial {best.id}, {', '.join([best.layouts, *settings_texts(config, best)])}: "
        f"{best.metric} {best.best_score:.2f}, {best.counts.total / 1e6:.3f} M parameters "
        f"({best.counts.learned / 1e6:.3f} M learned)"
    )
    print_standing(result.folder)
    print_verdict(config, records)
    say("\nR layers are random and frozen, L layers learn; equal numbers share weights.")
    say(f"  export it:        reservoir-search export {name}")
    say(f"  compare trials:   reservoir-search ui {name}")
    if not result.mlflow_is_complete:
        tell(
            f"MLflow does not have all results yet; send them with: reservoir-search resume {name}"
        )


def print_verdict(config: StudyConfig, records: Sequence[TrialRecord]) -> None:
    """Print the sentence on the winner's reservoirs, if the study has references."""
    sentence = reservoir_verdict(config, records)
    if sentence is not None:
        say_sentence(sentence)
