"""The paper's tables from a reproduction's trials, with the significance tests that it lacks."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

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
from spaces.layout import without_reservoirs
from trainable.aucc import UNITS, aucc, aucc_unit, best_point, minimum_loss_point
from trainable.config import Clock

SMALLEST_OF_INTEREST = 0.25  # difference in score; tables say how many seeds would show it
NO_FIGURE = "–"
LAYOUT = "encoder"  # heading of the column of layouts, which are set as code
_TEST_COLUMNS = ("difference", f"{1 - SIGNIFICANCE:.0%} interval", "p", "p, Holm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Completed trials of a model with their scores on the test set, in order of seed."""

    entrant: Entrant
    trials: Sequence[TrialRecord]
    scores: Sequence[TestScore | None]  # None before the test

    @property
    def name(self) -> str:
        return self.entrant.name

    @property
    def metric(self) -> str:
        """Name of the scores."""
        return self.trials[0].metric

    def values(self, measure: Measure) -> list[float]:
        """Values of the trials that have one."""
        values = (measure(r, s) for r, s in zip(self.trials, self.scores, strict=True))
        return [value for value in values if value is not None]


Measure = Callable[[TrialRecord, TestScore | None], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTable:
    """Table of texts with a caption."""

    name: str  # of the file, without suffix
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


def _minutes_to_best(record: TrialRecord, _: TestScore | None) -> float:
    return best_point(record.curve).seconds / 60


def _score_test(_: TrialRecord, score: TestScore | None) -> float | None:
    return None if score is None else score.score


def _score_valid(record: TrialRecord, _: TestScore | None) -> float:
    return best_point(record.curve).score


def _loss_minimum(record: TrialRecord, _: TestScore | None) -> float:
    return minimum_loss_point(record.curve).loss


def _minutes_to_minimum_loss(record: TrialRecord, _: TestScore | None) -> float:
    return minimum_loss_point(record.curve).seconds / 60


def _n_epochs(record: TrialRecord, _: TestScore | None) -> float:
    assert record.n_epochs is not None
    return record.n_epochs


def _n_updates(record: TrialRecord, _: TestScore | None) -> float:
    return float(record.curve[-1].updates)


def _updates_per_minute(record: TrialRecord, _: TestScore | None) -> float:
    return 60 * record.curve[-1].updates / record.curve[-1].seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class _Area:
    """Measure of the AUCC over a clock: to the budget if it is the objective's."""

    clock: Clock
    shortest: float  # reading at which the shortest trial ends

    @classmethod
    def over(cls, clock: Clock, models: Sequence[Measured]) -> Self:
        ends = (trial.curve[-1].at(clock) for model in models for trial in model.trials)
        return cls(clock=clock, shortest=min(ends))

    def __call__(self, record: TrialRecord, _: TestScore | None) -> float:
        if record.config.objective.clock == self.clock:
            assert record.aucc is not None
            return record.aucc
        return aucc(record.curve, clock=self.clock, horizon=self.shortest, hold_last=False)

    def horizon(self, record: TrialRecord) -> str:
        """End of the area in words."""
        unit, size = UNITS[self.clock]
        if record.config.objective.clock == self.clock:
            return f"{record.config.horizon / size:,.5g} {unit}"
        return f"{self.shortest / size:,.5g} {unit}, where the shortest trial ends"


def _areas(models: Sequence[Measured]) -> list[_Area]:
    """AUCC over the objective's clock, minutes and updates, all from the same curves."""
    first: Clock = models[0].trials[0].config.objective.clock
    clocks: tuple[Clock, ...] = (first, "seconds", "updates")
    return [_Area.over(clock, models) for clock in dict.fromkeys(clocks)]


def paper_tables(models: Sequence[Measured], *, steered_by: str) -> list[PaperTable]:
    """Tables 1 to 3 of the paper, and tests of AUCC and test score.

    Each model is tested against the first, and against its deletion if that is a model too.

    Args:
        steered_by: the split whose scores make the curves: ``valid``, or ``test`` as in the
            paper.
    """
    areas = _areas(models)
    words: dict[str, tuple[str, Measure]] = {
        f"aucc_{UNITS[area.clock][0].lower()}": (f"AUCC over {UNITS[area.clock][0]}", area)
        for area in areas
    }
    words["score"] = (f"{models[0].metric} on the test set", _score_test)
    against_first = [_against_first(models, name, *measure) for name, measure in words.items()]
    deletions = _against_deletions(models, list(words.values()))
    return [
        _scores(models, steered_by, areas),
        _losses(models, steered_by),
        _pace(models),
        *against_first,
        *([deletions] if deletions.rows else []),
    ]


def _scores(models: Sequence[Measured], steered_by: str, areas: Sequence[_Area]) -> PaperTable:
    metric = models[0].metric
    horizons = "; to ".join(area.horizon(models[0].trials[0]) for area in areas)
    return PaperTable(
        name="scores",
        caption=f"Table 1. Parameters, time to the best {metric} on the {steered_by} set, {metric} "
        f"(mean ± standard deviation over seeds), AUCC to {horizons}",
        columns=(
            "model",
            LAYOUT,
            "seeds",
            "M params",
            "the paper's M params",
            "minutes to best",
            f"best {metric}, {steered_by}",
            f"{metric}, test",
            *(f"AUCC, {aucc_unit(metric, area.clock)}" for area in areas),
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
                *(_spread(model, area) for area in areas),
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
        caption=f"Table 3. Epochs and updates within the budget, and updates per minute of "
        f"training, divided by those of {models[0].name}",
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


def _against_first(
    models: Sequence[Measured], name: str, words: str, measure: Measure
) -> PaperTable:
    first, *others = models
    is_score = measure is _score_test
    columns = ["model", *_TEST_COLUMNS]
    if is_score:
        columns.append(f"seeds to see {SMALLEST_OF_INTEREST}")
    tests = _tests([(model, first) for model in others], measure)
    n_tested = sum(tested[0] != NO_FIGURE for tested in tests)
    rows = []
    for model, tested in zip(others, tests, strict=True):
        row = [model.name, *tested]
        rows.append([*row, _seeds(model, first, measure)] if is_score else row)
    return PaperTable(
        name=f"against_{name}",
        caption=f"{words} against {first.name}: Welch's t-test, Holm's correction for {n_tested} "
        "comparisons",
        columns=columns,
        rows=rows,
    )


def _against_deletions(
    models: Sequence[Measured], measures: Sequence[tuple[str, Measure]]
) -> PaperTable:
    by_layout = {model.entrant.candidate.encoder.canonical(): model for model in models}
    pairs = [
        (model, by_layout[deletion])
        for model in models
        if model.entrant.candidate.encoder.n_reservoirs
        and (deletion := without_reservoirs(model.entrant.candidate.encoder)) in by_layout
    ]
    return PaperTable(
        name="against_deletions",
        caption="Models against their deletions, the same layouts without their reservoirs: "
        "Welch's t-test, Holm's correction for the comparisons of a measure",
        columns=["model", "deletion", "measure", *_TEST_COLUMNS],
        rows=[
            [model.name, deletion.name, words, *tested]
            for words, measure in measures
            for (model, deletion), tested in zip(pairs, _tests(pairs, measure), strict=True)
        ],
    )


def _tests(pairs: Sequence[tuple[Measured, Measured]], measure: Measure) -> list[list[str]]:
    """Cells of ``_TEST_COLUMNS`` for the difference of each pair, first minus second."""
    compared = [welch(one.values(measure), other.values(measure)) for one, other in pairs]
    known = [comparison for comparison in compared if comparison is not None]
    adjusted = iter(holm([comparison.p for comparison in known]))
    return [_compared(comparison, adjusted) for comparison in compared]


def _compared(comparison: Comparison | None, adjusted: Iterator[float]) -> list[str]:
    if comparison is None:  # fewer than two seeds of a model
        return [NO_FIGURE] * 4
    interval = f"{comparison.low:.4g} to {comparison.high:.4g}"
    return [
        f"{comparison.difference:+.4g}",
        interval,
        f"{comparison.p:.3g}",
        f"{next(adjusted):.3g}",
    ]


def _seeds(model: Measured, first: Measured, measure: Measure) -> str:
    """Number of seeds of each model that would show the smallest difference of interest."""
    sides = [side.values(measure) for side in (model, first)]
    deviation = pooled_deviation(*map(Interval.of, sides)) if all(sides) else None
    if deviation is None:
        return NO_FIGURE
    return str(seeds_to_see(SMALLEST_OF_INTEREST, deviation=deviation))


def _spread(model: Measured, measure: Measure) -> str:
    values = model.values(measure)
    return str(Interval.of(values)) if values else NO_FIGURE


def _known(figures: Mapping[str, float], name: str, form: str) -> str:
    return form.format(figures[name]) if name in figures else NO_FIGURE
