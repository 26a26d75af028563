"""The paper's tables from a reproduction's trials, with the significance tests that it lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from search.replicates.measured import Measure, Measured, score_test
from search.replicates.paper import MPARAMS, UPDATES_OVER_MODEL0
from search.replicates.paper_table import LAYOUT, NO_FIGURE, PaperTable
from search.replicates.paper_tests import Tested, tests_against_deletions, tests_against_first
from search.replicates.test_set import TestScore
from search.stats.significance import Interval
from search.study.trial_record import TrialRecord
from trainable.aucc import UNITS, aucc, aucc_unit, best_point, minimum_loss_point
from trainable.config import Clock
from trainable.curve import Point

AUCC_MARGIN = 0.02  # share of the other model's mean AUCC: the margin in score at 25 BLEU
SCORE_MARGIN = 0.5  # in the metric's points, of 100


def _minutes_to_best(record: TrialRecord, _: TestScore | None) -> float:
    return best_point(record.curve).seconds / 60


def _score_valid(record: TrialRecord, _: TestScore | None) -> float:
    return best_point(record.curve).score


def _loss_minimum(record: TrialRecord, _: TestScore | None) -> float:
    return minimum_loss_point(record.curve).loss


def _minutes_to_minimum_loss(record: TrialRecord, _: TestScore | None) -> float:
    return minimum_loss_point(record.curve).seconds / 60


def _train_loss_minimum(record: TrialRecord, _: TestScore | None) -> float:
    return _minimum_train_loss_point(record).train_loss


def _minutes_to_minimum_train_loss(record: TrialRecord, _: TestScore | None) -> float:
    return _minimum_train_loss_point(record).seconds / 60


def _minimum_train_loss_point(record: TrialRecord) -> Point:
    return min(record.curve, key=lambda point: point.train_loss)


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

    Each model is tested against the first, and against its deletion if that is a model too. The
    margins of non-inferiority are those of a difference that hardly matters: readers seldom notice
    half a point of BLEU (Mathur et al. 2020), and 2 % of AUCC is as much over a whole curve that
    reaches 25 BLEU.

    Args:
        steered_by: the split whose scores make the curves: ``valid``, or ``test`` as in the
            paper.

    Source:
        N. Mathur, T. Baldwin, T. Cohn (2020), Tangled up in BLEU (arXiv:2006.06264).
    """
    areas = _areas(models)
    tested = [
        Tested(
            name=f"aucc_{UNITS[area.clock][0].lower()}",
            words=f"AUCC over {UNITS[area.clock][0]}",
            measure=area,
            relative_margin=AUCC_MARGIN,
        )
        for area in areas
    ]
    score = Tested(
        name="score",
        words=f"{models[0].metric} on the test set",
        measure=score_test,
        margin=SCORE_MARGIN,
    )
    tested.append(score)
    deletions = [tests_against_deletions(models, each) for each in tested]
    return [
        _scores(models, steered_by),
        _convergence(models, steered_by, areas),
        _losses(models, steered_by),
        _pace(models),
        *(tests_against_first(models, each) for each in tested),
        *(table for table in deletions if table.rows),
    ]


def _scores(models: Sequence[Measured], steered_by: str) -> PaperTable:
    metric = models[0].metric
    return PaperTable(
        name="scores",
        caption=f"Table 1. Parameters and {metric} (mean ± standard deviation over seeds)",
        columns=(
            "model",
            LAYOUT,
            "seeds",
            "M params",
            "paper's",
            f"best {metric}, {steered_by}",
            f"{metric}, test",
        ),
        rows=[
            (
                model.name,
                str(model.entrant.candidate.encoder.canonical()),
                str(len(model.trials)),
                f"{model.trials[0].counts.total / 1e6:.3f}",
                _known(MPARAMS, model.name, "{:.2f}"),
                _spread(model, _score_valid),
                _spread(model, score_test),
            )
            for model in models
        ],
    )


def _convergence(models: Sequence[Measured], steered_by: str, areas: Sequence[_Area]) -> PaperTable:
    metric = models[0].metric
    horizons = "; to ".join(area.horizon(models[0].trials[0]) for area in areas)
    return PaperTable(
        name="convergence",
        caption=f"Table 1, continued. Time to the best {metric} on the {steered_by} set; AUCC to "
        f"{horizons}",
        columns=(
            "model",
            "minutes to best",
            *(f"AUCC, {aucc_unit(metric, area.clock)}" for area in areas),
        ),
        rows=[
            (
                model.name,
                _spread(model, _minutes_to_best),
                *(_spread(model, area) for area in areas),
            )
            for model in models
        ],
    )


def _losses(models: Sequence[Measured], steered_by: str) -> PaperTable:
    return PaperTable(
        name="losses",
        caption=f"Table 2. Minimum loss on the {steered_by} set and of training, in bits per "
        "token, and the minutes to it. The paper doesn't say which it has; most likely training's, "
        "since its minimum is at the end, while the score is highest early",
        columns=("model", f"{steered_by} loss", "minutes", "training loss", "minutes to that"),
        rows=[
            (
                model.name,
                _spread(model, _loss_minimum),
                _spread(model, _minutes_to_minimum_loss),
                _spread(model, _train_loss_minimum),
                _spread(model, _minutes_to_minimum_train_loss),
            )
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


def _spread(model: Measured, measure: Measure) -> str:
    values = model.values(measure)
    return str(Interval.of(values)) if values else NO_FIGURE


def _known(figures: Mapping[str, float], name: str, form: str) -> str:
    return form.format(figures[name]) if name in figures else NO_FIGURE
