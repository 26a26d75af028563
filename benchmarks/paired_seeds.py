"""Paired seeds: the paper's models beside what is left of them without their reservoirs.

Each layout of a recorded table has the same seeds, so that all layouts see the same batches.
Nothing is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

import numpy as np

from benchmarks.command import Options, run
from benchmarks.machine import ROOT, machine
from benchmarks.result import Report, Row, Table
from search.replay.recorded_studies import open_table
from search.replay.trial_table import RecordedTrial, TrialTable
from search.stats.seed_test import SeedTest
from search.stats.significance import Comparison, holm
from spaces.errors import UserError
from trainable.aucc import best_point, minimum_loss_point

TABLES = {
    norm: ROOT / "benchmarks" / "tables" / f"multi30k-paired-{norm}.jsonl.gz"
    for norm in ("pre", "post")
}
NAMES = {
    "LLLLLLLL": "Model 0",
    "RLRLRLRL": "Model 2",
    "R1L1R1L1R1L1R1L1": "Model 4",
    "LLLL": "Model 2 without its reservoirs",
    "L1L1L1L1": "Model 4 without its reservoirs",
}
# The question first, then whether the paper's own comparison and the depth alone say the same.
COMPARISONS = (
    ("RLRLRLRL", "LLLL"),
    ("R1L1R1L1R1L1R1L1", "L1L1L1L1"),
    ("RLRLRLRL", "LLLLLLLL"),
    ("R1L1R1L1R1L1R1L1", "LLLLLLLL"),
    ("LLLL", "LLLLLLLL"),
)
Measure = Callable[[RecordedTrial], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The trials of each layout, all with the same seeds."""

    table: TrialTable
    trials: dict[str, Sequence[RecordedTrial]]  # by encoder

    @classmethod
    def of(cls, table: TrialTable) -> Paired:
        """The trials of ``table`` by their encoder.

        Raises:
            UserError: a layout is absent, or has other seeds than the first.
        """
        trials = {str(found[0].candidate.encoder): found for found in table.by_key.values()}
        seeds = {name: [t.seed for t in trials.get(name, ())] for name in NAMES}
        if any(own != seeds["LLLLLLLL"] or len(own) < 2 for own in seeds.values()):
            raise UserError(f"the layouts of a paired table need the same seeds, not {seeds}")
        return cls(table=table, trials=trials)

    @property
    def n_seeds(self) -> int:
        return len(self.trials["LLLLLLLL"])

    def log_area(self, trial: RecordedTrial) -> float:
        """Natural logarithm of AUCC."""
        return float(np.log(self.table.area(trial)))

    def values(self, measure: Measure, encoder: str) -> list[float]:
        """A measure of each seed's trial of ``encoder``."""
        return [measure(trial) for trial in self.trials[encoder]]

    def sides(self, measure: Measure) -> list[tuple[list[float], list[float]]]:
        """A measure of both layouts of each of ``COMPARISONS``."""
        return [(self.values(measure, one), self.values(measure, two)) for one, two in COMPARISONS]

    def comparisons(self, measure: Measure) -> list[Comparison]:
        """Test of each of ``COMPARISONS``."""
        sides = self.sides(measure)
        test = SeedTest.of(sides)  # one for all of them
        found = [test.difference(*each) for each in sides]
        return [difference.comparison() for difference in found if difference is not None]


def measure(options: Options) -> Report:  # noqa: ARG001 - every benchmark takes them
    """Means of each layout, and its differences from its deletion and from Model 0."""
    tables = {norm: Paired.of(open_table(str(path))) for norm, path in TABLES.items()}
    pre = tables["pre"]
    return Report(
        name="paired_seeds",
        title="The paper's models beside their deletions, by seed",
        header={
            **machine(),
            "tables": f"{', '.join(path.name for path in TABLES.values())}: {len(NAMES)} layouts, "
            f"{pre.n_seeds} seeds each, {pre.table.study.budget.updates} updates",
        },
        tables=[table for norm, paired in tables.items() for table in _tables(norm, paired)],
        notes=[
            "mean ± standard deviation over seeds; BLEU is the best of a trial's validations",
            (
                "all layouts of a seed begin from it and see the same batches; the test is paired "
                "where values correlate over the seeds by 0.3 or more, else Welch's"
            ),
            "intervals hold for one comparison, 95 %; p is Holm's over the five of a table",
        ],
    )


def _tables(norm: str, paired: Paired) -> list[Table]:
    return [
        Table(
            caption=f"{norm}-norm: each layout", rows=[_layout_row(paired, name) for name in NAMES]
        ),
        Table(
            caption=f"{norm}-norm: AUCC, first ÷ second; {_test(paired, paired.log_area)}",
            rows=_area_rows(paired),
        ),
        Table(
            caption=f"{norm}-norm: best BLEU, first − second; {_test(paired, _score)}",
            rows=_difference_rows(paired),
        ),
    ]


def _test(paired: Paired, measure: Measure) -> SeedTest:
    return SeedTest.of(paired.sides(measure))


def _layout_row(paired: Paired, encoder: str) -> Row:
    areas = paired.values(paired.table.area, encoder)
    counts = paired.trials[encoder][0].counts
    flops = paired.values(lambda trial: trial.curve[-1].flops / 1e12, encoder)
    return {
        "": NAMES[encoder],
        "encoder": f"`{encoder}`",
        "M params": f"{counts.total / 1e6:.3f}",
        "M learned": f"{counts.learned / 1e6:.3f}",
        "AUCC": _spread(areas, ",.0f"),
        "best BLEU": _spread(paired.values(_score, encoder), ".2f"),
        "minimum loss": _spread(paired.values(_loss, encoder), ".3f"),
        "TFLOP to train": f"{mean(flops):.2f}",
    }


def _area_rows(paired: Paired) -> list[Row]:
    return [
        {
            **_head(paired, one, other, paired.log_area),
            "ratio": f"{np.exp(found.difference):.3f}",
            "95 % interval": f"{np.exp(found.low):.3f} to {np.exp(found.high):.3f}",
            "p": f"{p:.2g}",
        }
        for (one, other), found, p in _tested(paired, paired.log_area)
    ]


def _difference_rows(paired: Paired) -> list[Row]:
    return [
        {
            **_head(paired, one, other, _score),
            "difference": f"{found.difference:+.2f}",
            "95 % interval": f"{found.low:+.2f} to {found.high:+.2f}",
            "p": f"{p:.2g}",
        }
        for (one, other), found, p in _tested(paired, _score)
    ]


def _tested(paired: Paired, measure: Measure) -> list[tuple[tuple[str, str], Comparison, float]]:
    found = paired.comparisons(measure)
    return list(zip(COMPARISONS, found, holm([each.p for each in found]), strict=True))


def _head(paired: Paired, one: str, other: str, measure: Measure) -> Row:
    sides = zip(paired.values(measure, one), paired.values(measure, other), strict=True)
    return {
        "first": f"`{one}`",
        "second": f"`{other}`",
        "seeds in which the first is higher": f"{sum(a > b for a, b in sides)} of {paired.n_seeds}",
    }


def _score(trial: RecordedTrial) -> float:
    return best_point(trial.curve).score


def _loss(trial: RecordedTrial) -> float:
    return minimum_loss_point(trial.curve).loss


def _spread(values: Sequence[float], form: str) -> str:
    return f"{format(mean(values), form)} ± {format(stdev(values), form)}"


if __name__ == "__main__":
    run(measure, __doc__)
