"""Tests of a reproduction's models against the first one and against their deletions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from search.replicates.measured import Measure, Measured, score_test
from search.replicates.paper_table import NO_FIGURE, PaperTable
from search.stats.seed_test import Difference, SeedTest
from search.stats.significance import SIGNIFICANCE, holm, seeds_to_see
from spaces.layout import without_reservoirs

SMALLEST_OF_INTEREST = 0.25  # difference in score; tables say how many seeds would show it
_TEST_COLUMNS = (
    "difference",
    f"{1 - SIGNIFICANCE:.0%} interval",
    "p, Holm",
    "p of inferior, Holm",
    "verdict",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """A measure that is tested, with its margin of non-inferiority."""

    name: str  # of files
    words: str
    measure: Measure
    margin: float | None = None  # in the measure's unit
    relative_margin: float = 0.0  # without ``margin``: share of the other model's mean

    def margin_to(self, others: Sequence[float]) -> float:
        """Margin in the measure's unit, where ``others`` are the other model's values."""
        if self.margin is not None:
            return self.margin
        return self.relative_margin * sum(others) / len(others)

    @property
    def in_words(self) -> str:
        return f"{self.relative_margin:.0%}" if self.margin is None else f"{self.margin:g}"


Pair = tuple[Measured, Measured]


def tests_against_first(models: Sequence[Measured], tested: Tested) -> PaperTable:
    """Every other model against the first."""
    first, *others = models
    pairs = [(model, first) for model in others]
    is_score = tested.measure is score_test
    test = _test(models, tested)
    more = [[_seeds(pair, tested, test)] if is_score else [] for pair in pairs]
    return PaperTable(
        name=f"against_{tested.name}",
        caption=f"{tested.words} against {first.name}: {_method(test, tested)}",
        columns=[
            "model",
            *_TEST_COLUMNS,
            *([f"seeds to see {SMALLEST_OF_INTEREST}"] if is_score else []),
        ],
        rows=[
            [model.name, *cells, *further]
            for model, cells, further in zip(others, _tests(pairs, tested, test), more, strict=True)
        ],
    )


def tests_against_deletions(models: Sequence[Measured], tested: Tested) -> PaperTable:
    """Models against their deletions, those of them that are models too."""
    by_layout = {model.entrant.candidate.encoder.canonical(): model for model in models}
    pairs = [
        (model, by_layout[deletion])
        for model in models
        if model.entrant.candidate.encoder.n_reservoirs
        and (deletion := without_reservoirs(model.entrant.candidate.encoder)) in by_layout
    ]
    test = _test(models, tested)
    return PaperTable(
        name=f"against_deletions_{tested.name}",
        caption=f"{tested.words} against the deletions, the same layouts without their "
        f"reservoirs: {_method(test, tested)}",
        columns=["model", "deletion", *_TEST_COLUMNS],
        rows=[
            [model.name, deletion.name, *cells]
            for (model, deletion), cells in zip(pairs, _tests(pairs, tested, test), strict=True)
        ],
    )


def _test(models: Sequence[Measured], tested: Tested) -> SeedTest:
    """The test that fits the correlation of all models over their seeds."""
    return SeedTest.of(
        [one.common(other, tested.measure) for one, other in combinations(models, 2)]
    )


def _method(test: SeedTest, tested: Tested) -> str:
    return (
        f"{test}, Holm's correction; inferior would be lower by {tested.in_words} or more "
        f"(one-sided, {SIGNIFICANCE / 2:.1%})"
    )


def _tests(pairs: Sequence[Pair], tested: Tested, test: SeedTest) -> list[list[str]]:
    """Cells of ``_TEST_COLUMNS`` for the difference of each pair, first minus second."""
    values = [one.common(other, tested.measure) for one, other in pairs]
    differences = [test.difference(*sides) for sides in values]
    known = [
        (difference, difference.p_worse_by(tested.margin_to(others)))
        for difference, (_, others) in zip(differences, values, strict=True)
        if difference is not None
    ]
    differs = holm([difference.comparison().p for difference, _ in known])
    inferior = holm([p for _, p in known])
    ps = iter(zip(differs, inferior, strict=True))
    return [
        [NO_FIGURE] * len(_TEST_COLUMNS)
        if difference is None  # fewer than two common seeds
        else _cells(difference, *next(ps))
        for difference in differences
    ]


def _cells(difference: Difference, p_differs: float, p_inferior: float) -> list[str]:
    compared = difference.comparison()
    return [
        f"{compared.difference:+.4g}",
        f"{compared.low:.4g} to {compared.high:.4g}",
        f"{p_differs:.2g}",
        f"{p_inferior:.2g}",
        _verdict(difference.mean, p_differs, p_inferior),
    ]


def _verdict(difference: float, p_differs: float, p_inferior: float) -> str:
    is_not_inferior = p_inferior < SIGNIFICANCE / 2
    if p_differs < SIGNIFICANCE:
        if difference > 0:
            return "better"
        return "worse, within the margin" if is_not_inferior else "worse"
    return "not inferior" if is_not_inferior else "undecided"


def _seeds(pair: Pair, tested: Tested, test: SeedTest) -> str:
    """Number of seeds of each model that would show the smallest difference of interest."""
    difference = test.difference(*pair[0].common(pair[1], tested.measure))
    if difference is None:
        return NO_FIGURE
    n_seeds = seeds_to_see(
        SMALLEST_OF_INTEREST,
        deviation=difference.deviation,
        significance=SIGNIFICANCE / test.factor,
        is_paired=test.is_paired,
    )
    return str(n_seeds)
