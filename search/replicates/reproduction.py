"""A reproduction's results, as files: Markdown, CSV and the figure."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg

from search.replicates.lineup import Lineup
from search.replicates.paper_figure import score_over_minutes
from search.replicates.paper_tables import Measured, PaperTable, paper_tables
from search.replicates.test_set import test_score
from search.study.folder import StudyFolder
from search.study.ledger import sorted_records
from trainable.atomic import write_atomically

_STEERING = {
    "valid": "The curves are of {} on the validation set; the test set was translated once, by "
    "each trial's best weights.",
    "test": "Steered by the test set, as in the paper: its {} chose each trial's best weights, "
    "so it is no estimate for new text.",
}


def measured_models(folder: StudyFolder) -> list[Measured]:
    """The models with at least one completed trial, in the paper's order."""
    lineup = Lineup.load(folder.path)
    records = sorted_records(folder.trials)
    models = []
    for entrant in () if lineup is None else lineup.entrants:
        trials = entrant.completed(records)
        if trials:
            scores = [test_score(folder, record) for record in trials]
            models.append(Measured(entrant=entrant, trials=trials, scores=scores))
    return models


def steering(folder: StudyFolder, models: Sequence[Measured]) -> str:
    """How the set that the trials were steered by limits what their scores say."""
    return _STEERING[folder.config().validation.split].format(models[0].metric)


def tables_of(folder: StudyFolder, models: Sequence[Measured]) -> list[PaperTable]:
    """The paper's tables."""
    return paper_tables(models, steered_by=folder.config().validation.split)


def write_results(folder: StudyFolder, models: Sequence[Measured]) -> Path:
    """Write ``reproduce/`` in the study's folder anew: ``tables.md``, a CSV a table, the figure."""
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
        f"{models[0].metric} on the test set with {models[0].scores[0].signature}.",
    ]
    write_atomically(place / "tables.md", "\n\n".join(parts) + "\n")
    return place
