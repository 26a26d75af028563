"""Results of a reproduction as files: tables in Markdown and CSV, and the figure."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg

from search.replicates.lineup import Lineup
from search.replicates.measured import Measured
from search.replicates.paper_table import PaperTable
from search.replicates.paper_tables import paper_tables
from search.replicates.seed_bands import score_over_minutes
from search.replicates.test_set import TestScore, WeightsGone, known_test_score, test_score
from search.run.deadline import Deadline
from search.study.console import say
from search.study.errors import NotFinished
from search.study.folder import StudyFolder
from search.study.ledger import sorted_records
from search.study.trial_record import TrialRecord
from trainable.atomic import write_atomically

_STEERING = {
    "valid": "The curves are of {} on the validation set; the test set was translated once, by "
    "each trial's best weights.",
    "test": "Steered by the test set, as in the paper: its {} chose each trial's best weights, "
    "so it is no estimate for new text.",
}


def print_results(folder: StudyFolder, deadline: Deadline | None) -> None:
    """Write and print the results of the completed trials; nothing where there are none.

    Raises:
        NotFinished: the deadline has come before all of them were tested.
        WorkFailed: the weights of a trial are gone, so that it cannot be tested.
    """
    models = measured_models(folder, deadline)
    if not models:
        return
    place = write_results(folder, models)
    say((place / "tables.md").read_text(encoding="utf-8"))
    say(f"written: {place}")
    n_untested = sum(score is None for model in models for score in model.scores)
    if n_untested:
        raise NotFinished(
            f"the time is over; completed trials to be tested: {n_untested}; continue with: "
            "the same command"
        )


def measured_models(
    folder: StudyFolder, deadline: Deadline | None = None, *, needs_weights: bool = True
) -> list[Measured]:
    """Models with at least one completed trial, in the paper's order.

    Args:
        deadline: if it is near, trials that have no test score yet get none.
        needs_weights: False if untested trials whose weights are gone get no test score.

    Raises:
        WorkFailed: the weights of a trial are gone, so that it cannot be tested.
    """

    def score(record: TrialRecord) -> TestScore | None:
        try:
            return _score_in_time(folder, record, deadline)
        except WeightsGone:
            if needs_weights:
                raise
            return None

    lineup = Lineup.load(folder.path)
    records = sorted_records(folder.trials)
    models = []
    for entrant in () if lineup is None else lineup.entrants:
        trials = entrant.completed(records)
        if trials:
            scores = [score(record) for record in trials]
            models.append(Measured(entrant=entrant, trials=trials, scores=scores))
    return models


def _score_in_time(
    folder: StudyFolder, record: TrialRecord, deadline: Deadline | None
) -> TestScore | None:
    """Test score; None where it is not known and the deadline is near."""
    if deadline is not None and deadline.is_near:
        return known_test_score(folder, record)
    return test_score(folder, record)


def steering(folder: StudyFolder, models: Sequence[Measured]) -> str:
    """Sentence on the split that chose the weights, and what follows for the scores."""
    return _STEERING[folder.config().validation.split].format(models[0].metric)


def tables_of(folder: StudyFolder, models: Sequence[Measured]) -> list[PaperTable]:
    """The paper's tables, from the study in ``folder``."""
    return paper_tables(models, steered_by=folder.config().validation.split)


def write_results(folder: StudyFolder, models: Sequence[Measured]) -> Path:
    """Write ``reproduce/`` in the study's folder: ``tables.md``, a CSV per table, the figure."""
    place = folder.path / "reproduce"
    place.mkdir(exist_ok=True)
    tables = tables_of(folder, models)
    for table in tables:
        write_atomically(place / f"{table.name}.csv", table.to_csv())
    split = folder.config().validation.split
    figure = score_over_minutes(models, steered_by=split)
    picture = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(picture, format="png", dpi=150)
    write_atomically(place / "score_over_minutes.png", picture.getvalue())
    parts = [
        f"# {folder.config().name}",
        steering(folder, models),
        *(table.to_markdown() for table in tables),
        (
            f"![{models[0].metric} against minutes of training, mean and standard deviation "
            "over seeds]"
            "(score_over_minutes.png)"
        ),
        *_signature(models),
    ]
    write_atomically(place / "tables.md", "\n\n".join(parts) + "\n")
    return place


def _signature(models: Sequence[Measured]) -> list[str]:
    """Sentence on how the test set was scored; none before the first test."""
    scores = [score for model in models for score in model.scores if score is not None]
    if not scores:
        return []
    return [f"{models[0].metric} on the test set with {scores[0].signature}."]
