"""The paper's tables from a reproduction's trials, and the tests that the paper left out."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from search.replicates.entrant import Entrant
from search.replicates.paper import MPARAMS, UPDATES_OVER_MODEL0
from search.replicates.test_set import TestScore
from search.stats.significance import (
    SIGNIFICANCE,
    Comparison,
    Interval,
    holm,
    pooled_deviation,
    seeds_to_see,
    welch,
)
from search.study.trial_record import TrialRecord
from trainable.aucc import best_point, minimum_loss_point

SMALLEST_OF_INTEREST = 0.25  # of a score: tables say how many seeds would show it
NO_FIGURE = "–"
LAYOUT = "encoder"  # the column of layouts, which are set as code


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A model's completed trials with their scores on the test set, in order of seed."""

    entrant: Entrant
    trials: Sequence[TrialRecord]
    scores: Sequence[TestScore]

    @property
    def name(self) -> str:
        return self.entrant.name

    @property
    def metric(self) -> str:
        """The name of the scores."""
        return self.trials[0].metric

    def values(self, measure: Measure) -> list[float]:
        return [measure(r, s) for r, s in zip(self.trials, self.scores, strict=True)]


Measure = Callable[[TrialRecord, TestScore], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTable:
    """Rows of text under a caption."""

    name: str  # of its file
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def to_markdown(self) -> str:
        rows = [
            [
                f"`{cell}`" if column == LAYOUT else cell
                for column, cell in zip(self.columns, row, strict=True)
            ]
            for row in self.rows
        ]
        lines = [self.columns, ["---", *["---:"] * (len(self.columns) - 1)], *rows]
        return "\n".join([f"{self.caption}\n", *(f"| {' | '.join(line)} |" for line in lines)])

    def to_csv(self) -> str:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.columns, *self.rows])
        return text.getvalue()


def _minutes_to_best(record: TrialRecord, _: TestScore) -> float:
    return best_point(record.curve).seconds / 60


def _score_test(_: TrialRecord, score: TestScore) -> float:
    return score.score


def _score_valid(record: TrialRecord, _: TestScore) -> float:
    return best_point(record.curve).score


def _loss_minimum(record: TrialRecord, _: TestScore) -> float:
    return minimum_loss_point(record.curve).loss


def _minutes_to_minimum_loss(record: TrialRecord, _: TestScore) -> float:
    return minimum_loss_point(record.curve).seconds / 60


def _n_epochs(record: TrialRecord, _: TestScore) -> float:
    assert record.n_epochs is not None
    return record.n_epochs


def _n_updates(record: TrialRecord, _: TestScore) -> float:
    return float(record.curve[-1].updates)


def _updates_per_minute(record: TrialRecord, _: TestScore) -> float:
    return 60 * record.curve[-1].updates / record.curve[-1].seconds


def _area(record: TrialRecord, _: TestScore) -> float:
    assert record.aucc is not None
    return record.aucc


def paper_tables(models: Sequence[Measured], *, steered_by: str) -> list[PaperTable]:
    """Tables 1 to 3 of the paper, AUCC, and every model against the first.

    Args:
        steered_by: the split whose scores make the curves: ``valid``, or ``test`` as in the
            paper.
    """
    return [
        _scores(models, steered_by),
        _losses(models, steered_by),
        _pace(models),
        _against_first(models, "AUCC", _area),
        _against_first(models, f"{models[0].metric} on the test set", _score_test),
    ]


def _scores(models: Sequence[Measured], steered_by: str) -> PaperTable:
    metric = models[0].metric
    return PaperTable(
        name="scores",
        caption=f"Table 1. Parameters, time to the best {metric} on the {steered_by} set, {metric} "
        "(mean ± standard deviation over seeds), AUCC",
        columns=(
            "model",
            LAYOUT,
            "seeds",
            "M params",
            "the paper's M params",
            "minutes to best",
            f"best {metric}, {steered_by}",
            f"{metric}, test",
            "AUCC",
        ),
        rows=[
            (
                model.name,
                str(model.entrant.candidate.encoder.canonical()),
                str(len(model.trials)),
                f"{model.trials[0].counts.total / 1e6:.3f}",
                _known(MPARAMS, model.name, "{:.2f}"),
                _spread(model, _minutes_to_best),
                _spread(model, _score_valid),
                _spread(model, _score_test),
                _spread(model, _area),
            )
            for model in models
        ],
    )


def _losses(models: Sequence[Measured], steered_by: str) -> PaperTable:
    return PaperTable(
        name="losses",
        caption=f"Table 2. Minimum loss on the {steered_by} set, in bits per token, and the time "
        "to it",
        columns=("model", "minimum loss", "minutes to it"),
        rows=[
            (model.name, _spread(model, _loss_minimum), _spread(model, _minutes_to_minimum_loss))
            for model in models
        ],
    )


def _pace(models: Sequence[Measured]) -> PaperTable:
    first = Interval.of(models[0].values(_updates_per_minute)).mean
    return PaperTable(
        name="pace",
        caption=f"Table 3. Epochs and updates within the budget, and updates a minute of training "
        f"over those of {models[0].name}",
        columns=("model", "epochs", "updates", "updates/min", "ratio", "the paper's ratio"),
        rows=[
            (
                model.name,
                _spread(model, _n_epochs),
                _spread(model, _n_updates),
                _spread(model, _updates_per_minute),
                f"{Interval.of(model.values(_updates_per_minute)).mean / first:.3f}",
                _known(UPDATES_OVER_MODEL0, model.name, "{:.3f}"),
            )
            for model in models
        ],
    )


def _against_first(models: Sequence[Measured], words: str, measure: Measure) -> PaperTable:
    first, *others = models
    compared = [welch(model.values(measure), first.values(measure)) for model in others]
    told = [comparison for comparison in compared if comparison is not None]
    adjusted = iter(holm([comparison.p for comparison in told]))
    is_score = measure is _score_test
    columns = ["model", "difference", f"{1 - SIGNIFICANCE:.0%} interval", "p", "p, Holm"]
    if is_score:
        columns.append(f"seeds to see {SMALLEST_OF_INTEREST}")
    rows = []
    for model, comparison in zip(others, compared, strict=True):
        row = [model.name, *_compared(comparison, adjusted)]
        rows.append([*row, _seeds(model, first, measure)] if is_score else row)
    return PaperTable(
        name=f"against_{'score' if is_score else 'aucc'}",
        caption=f"{words} against {first.name}: Welch's t, p adjusted by Holm over {len(told)} "
        "comparisons",
        columns=columns,
        rows=rows,
    )


def _compared(comparison: Comparison | None, adjusted: Iterator[float]) -> list[str]:
    if comparison is None:  # fewer than two seeds
        return [NO_FIGURE] * 4
    interval = f"{comparison.low:.4g} to {comparison.high:.4g}"
    return [
        f"{comparison.difference:+.4g}",
        interval,
        f"{comparison.p:.3g}",
        f"{next(adjusted):.3g}",
    ]


def _seeds(model: Measured, first: Measured, measure: Measure) -> str:
    """How many seeds of each would show the smallest difference of interest."""
    deviation = pooled_deviation(*(Interval.of(each.values(measure)) for each in (model, first)))
    if deviation is None:
        return NO_FIGURE
    return str(seeds_to_see(SMALLEST_OF_INTEREST, deviation=deviation))


def _spread(model: Measured, measure: Measure) -> str:
    return str(Interval.of(model.values(measure)))


def _known(figures: Mapping[str, float], name: str, form: str) -> str:
    return form.format(figures[name]) if name in figures else NO_FIGURE
