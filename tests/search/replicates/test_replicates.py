"""Plans, winners and tables of replicates, against hand-made trials."""

from __future__ import annotations

import contextlib
import itertools
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from search.costs.work import Work
from search.replicates import reproduction, train
from search.replicates.confirm import Confirmation, confirm_study
from search.replicates.confirm_entrants import confirm_entrants
from search.replicates.confirm_table import aucc_over_model0
from search.replicates.contest import Contest, contest
from search.replicates.entrant import Entrant
from search.replicates.lineup import Lineup
from search.replicates.measured import Measured
from search.replicates.paper_tables import paper_tables
from search.replicates.plans import AllSeeds, UntilSeparated, trials_ahead
from search.replicates.replicate_trials import ReplicateTrials
from search.replicates.reproduce import (
    EXPERIMENTS,
    ReproductionOptions,
    entrants,
    reproduce_study,
    reproduction_config,
)
from search.replicates.test_set import TestScore
from search.replicates.verdict import reservoir_lead, verdict
from search.run.deadline import Deadline
from search.stats.alpha_spending import nominal_levels
from search.stats.seed_test import CHOICE_FACTOR
from search.stats.significance import seeds_to_see
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.ledger import Ledger, read_records, sorted_records
from search.study.trained_candidate import candidate_of
from search.study.trial_record import TrialRecord
from search.suggest.searcher import TrialSearcher
from spaces.errors import UserError
from spaces.presets import PRESETS
from tests.search.conftest import curve_point, entrant
from trainable.config import ObjectiveConfig
from trainable.tasks.registry import load_task

SEEDS = (2, 3, 4, 5, 6)

MakeRecord = Callable[..., TrialRecord]


GOOD, BAD = entrant("good", "R1LR1L"), entrant("bad", "LL")
OBJECTIVE = ObjectiveConfig()


def until_separated(*entrants: Entrant) -> UntilSeparated:
    return UntilSeparated(lineup=Lineup(entrants=entrants, seeds=SEEDS), objective=OBJECTIVE)


def judged(
    entrants: Sequence[Entrant],
    records: Sequence[TrialRecord],
    *,
    seeds: tuple[int, ...] = SEEDS,
    objective: ObjectiveConfig = OBJECTIVE,
) -> Contest:
    result = contest(Lineup(entrants=tuple(entrants), seeds=seeds), records, objective)
    assert result is not None
    return result


@pytest.fixture
def trials_of(make_record: MakeRecord) -> Callable[..., list[TrialRecord]]:
    """Completed trials of an entrant with the given objectives, from the first seed on."""

    def make(entrant: Entrant, objectives: Sequence[float]) -> list[TrialRecord]:
        record = make_record()
        return [
            make_record(
                1000 * len(entrant.name) + seed,
                key=entrant.key(seed),
                config=record.config.model_copy(update={"seed": seed}),
                objective=objective,
                aucc=2 * objective,
                n_epochs=0.25,
            )
            for seed, objective in zip(SEEDS, objectives, strict=False)
        ]

    return make


def test_all_seeds_are_each_pair_once_and_a_seed_at_a_time() -> None:
    wanted = AllSeeds(lineup=Lineup(entrants=(GOOD, BAD), seeds=SEEDS))([])
    assert [(replicate.seed, replicate.entrant.name) for replicate in wanted] == [
        (seed, name) for seed in SEEDS for name in ("good", "bad")
    ]


def test_no_round_begins_before_the_one_before_has_ended(trials_of) -> None:
    plan = until_separated(GOOD, BAD)
    records = trials_of(GOOD, [1, 1]) + trials_of(BAD, [1])
    assert {replicate.key for replicate in plan(records)} == {
        entrant.key(seed) for entrant in (GOOD, BAD) for seed in SEEDS[:2]
    }


def test_a_leader_that_is_separated_ends_the_training(trials_of) -> None:
    records = trials_of(GOOD, [10.0, 10.1, 9.9]) + trials_of(BAD, [1.0, 1.1, 0.9])
    plan = until_separated(GOOD, BAD)
    assert {replicate.seed for replicate in plan(records)} == set(SEEDS[:3])
    result = judged([GOOD, BAD], records)
    assert result.winner == GOOD
    assert [standing.entrant.name for standing in result.standings] == ["good", "bad"]


def test_the_area_stands_over_the_better_model_0_of_the_same_depth_and_seeds(trials_of) -> None:
    short, model0 = entrant("short", "R1L"), entrant("model0", "LLLL")
    own, lucky = (
        replace(model0, name=name, candidate=replace(model0.candidate, hyper={"train.lr": lr}))
        for name, lr in (("own", 1e-3), ("lucky", 1e-4))
    )
    records = [
        *trials_of(GOOD, [10.0, 20.0, 30.0]),  # AUCC is twice the objective
        *trials_of(short, [1.0, 1.0, 1.0]),
        *trials_of(model0, [8.0, 8.0, 8.0]),
        *trials_of(own, [5.0, 5.0, 5.0]),
        *trials_of(lucky, [50.0]),  # two seeds less
    ]
    result = judged([GOOD, short, model0, own, lucky], records)
    ratios = {
        standing.entrant.name: aucc_over_model0(result, standing) for standing in result.standings
    }
    assert ratios == {
        "good": 120 / 48,
        "short": None,
        "model0": 1.0,
        "own": 30 / 48,
        "lucky": 1.0,  # by itself: no other has more of its seeds
    }


def test_what_came_after_the_end_does_not_reopen_it(trials_of) -> None:
    """A later driver plans the same trials as the earlier one, whatever has ended since."""
    early = trials_of(GOOD, [10.0, 10.1, 9.9]) + trials_of(BAD, [1.0, 1.1, 0.9])
    late = trials_of(GOOD, [10.0, 10.1, 9.9, 1.0]) + trials_of(BAD, [1.0, 1.1, 0.9, 10.0])
    plan = until_separated(GOOD, BAD)
    assert plan(early) == plan(late)


def test_trials_ahead_are_those_that_are_certain_and_those_that_may_come(trials_of) -> None:
    lineup = Lineup(entrants=(GOOD, BAD), seeds=SEEDS)
    of_all, of_some = AllSeeds(lineup=lineup), UntilSeparated(lineup=lineup, objective=OBJECTIVE)
    assert trials_ahead(of_all, []) == (2 * len(SEEDS), 2 * len(SEEDS))
    assert trials_ahead(of_some, []) == (6, 2 * len(SEEDS))  # three seeds before the first look
    begun = trials_of(GOOD, [1]) + trials_of(BAD, [1])
    assert trials_ahead(of_some, begun) == (4, 2 * len(SEEDS) - 2)
    alike = trials_of(GOOD, [3, 5, 4]) + trials_of(BAD, [2, 5, 3])
    assert trials_ahead(of_some, alike) == (2, 2 * len(SEEDS) - 6)
    separated = trials_of(GOOD, [10.0, 10.1, 9.9]) + trials_of(BAD, [1.0, 1.1, 0.9])
    assert trials_ahead(of_some, separated) == (0, 0)
    late = [replace(trials_of(GOOD, [1] * 4)[3], state="running")]
    assert trials_ahead(of_some, separated + late) == (1, 1)  # no seed comes after it
    # What an earlier call with more seeds left unfinished is trained first.
    fewer = UntilSeparated(lineup=replace(lineup, seeds=SEEDS[:3]), objective=OBJECTIVE)
    assert trials_ahead(fewer, separated + late) == (1, 1)
    alone = UntilSeparated(lineup=replace(lineup, entrants=(GOOD,)), objective=OBJECTIVE)
    assert trials_ahead(alone, []) == (len(SEEDS), len(SEEDS))


def test_a_leader_within_the_noise_does_not_win(trials_of) -> None:
    records = trials_of(GOOD, [3, 5, 4, 6, 2]) + trials_of(BAD, [2, 5, 3, 6, 1])
    result = judged([GOOD, BAD], records)
    assert result.winner is None
    # The sides go together, so that their differences 1, 0, 1, 0, 1 decide: 0.6 ± sqrt(0.3).
    assert result.tests["objective"].is_paired
    needed = seeds_to_see(
        0.6,
        deviation=math.sqrt(0.3),
        significance=nominal_levels((3, 4, 5))[-1] / CHOICE_FACTOR,
        is_paired=True,
    )
    assert result.n_seeds_needed(result.standings[1]) == needed


def test_equal_entrants_seldom_have_a_winner_however_often_one_looks(trials_of) -> None:
    """The error of the whole contest, all looks included, is below 5 %."""
    rng, n_contests, n_won = random.Random(3), 100, 0
    others = [BAD, entrant("third", "L1L1"), entrant("fourth1", "LLL")]
    plan = until_separated(GOOD, *others)
    for _ in range(n_contests):
        values = {e.name: [rng.gauss(10, 1) for _ in SEEDS] for e in (GOOD, *others)}
        records = [record for e in (GOOD, *others) for record in trials_of(e, values[e.name])]
        n_seeds = len({replicate.seed for replicate in plan(records)})
        seen = [record for record in records if record.config.seed in SEEDS[:n_seeds]]
        n_won += judged([GOOD, *others], seen).winner is not None
    assert n_won / n_contests < 0.05


def failed_trial(entrant: Entrant, seed: int, record: TrialRecord) -> TrialRecord:
    return replace(
        record,
        id=99 + seed,
        key=entrant.key(seed),
        state="failed",
        config=record.config.model_copy(update={"seed": seed}),
        objective=None,
        aucc=None,
        reason="the loss is not finite",
    )


def test_a_layout_with_a_failed_seed_cannot_win(trials_of, make_record) -> None:
    """However high the seeds that it completed, of which it must still be beaten."""
    lucky = [*trials_of(GOOD, [10.0, 10.1, 9.9, 10.0]), failed_trial(GOOD, 6, make_record())]
    steady = trials_of(BAD, [1.0, 1.1, 0.9, 1.0, 1.05])
    result = judged([GOOD, BAD], lucky + steady, seeds=(6, *SEEDS[:4]))  # the failure comes first
    assert result.leader.entrant == BAD
    assert result.winner is None
    assert result.standings[1].n_failed == 1
    sentences = " / ".join(
        verdict(Confirmation(metric="BLEU", contest=result, n_seeds_before=None, bootstrap=None))
    )
    assert "not better than good on the seeds that this completed" in sentences
    assert "good failed with 1 of 5 seeds, so it can't win" in sentences


def test_a_rival_whose_seeds_all_failed_is_beaten(trials_of, make_record) -> None:
    failed = [failed_trial(BAD, seed, make_record()) for seed in SEEDS]
    assert judged([GOOD, BAD], trials_of(GOOD, [3, 5, 4, 6, 2]) + failed).winner == GOOD


def test_a_layout_out_of_the_studys_bounds_cannot_win_nor_keep_another_from_it(trials_of) -> None:
    third = entrant("third", "L1L1")
    records = trials_of(GOOD, [10.0, 10.1, 9.9]) + trials_of(BAD, [1.0, 1.1, 0.9])
    large = [
        replace(record, counts=replace(record.counts, total=3_000_000))
        for record in trials_of(third, [20.0, 20.1, 19.9])
    ]
    result = judged(
        [GOOD, BAD, third],
        records + large,
        seeds=SEEDS[:3],
        objective=ObjectiveConfig(max_mparams=2.5),
    )
    assert result.winner == GOOD
    assert judged([GOOD, BAD, third], records + large, seeds=SEEDS[:3]).winner == third
    none = judged([GOOD, BAD], records, seeds=SEEDS[:3], objective=ObjectiveConfig(min_score=7.5))
    assert none.winner is None


def test_replicates_with_one_seed_begin_with_the_same_weights_and_see_the_same_batches(
    tiny_study: Callable[..., StudyConfig], small_grammar: Path
) -> None:
    config = tiny_study()
    trials = [e.trial(config, data=str(small_grammar), seed=7) for e in (GOOD, BAD)]
    task = load_task(str(small_grammar))
    models = [task.build_model(trial.model, seed=trial.seed) for trial in trials]
    first, second = (dict(model.named_parameters()) for model in models)
    names = [name for name in first if name.startswith(("encoder.embed", "encoder.layers.1."))]
    assert len(names) > 5
    below = {name: name.replace("layers.1.", "layers.0.") for name in names}
    assert all(torch.equal(first[name], second[below[name]]) for name in names)
    batches = [task.updates(trial.train, seed=trial.seed, skip=0) for trial in trials]
    for one, other in itertools.islice(zip(*batches, strict=True), 3):
        assert list(one.indices) == list(other.indices)


def test_a_lineup_reads_back_as_it_was(tmp_path: Path) -> None:
    assert Lineup.load(tmp_path) is None
    lineup = Lineup(entrants=(GOOD, BAD), seeds=SEEDS)
    lineup.save(tmp_path)
    assert Lineup.load(tmp_path) == lineup


def test_interrupted_trials_go_first_and_nothing_is_handed_out_twice(
    tiny_study: Callable[..., StudyConfig], small_grammar: Path, tmp_path: Path, trials_of
) -> None:
    config = tiny_study()
    ledger = Ledger.open(tmp_path / "trials.jsonl")
    plan = AllSeeds(lineup=Lineup(entrants=(GOOD, BAD), seeds=(2, 3)))

    def searcher(n_concurrent: int) -> TrialSearcher:
        return TrialSearcher(
            ledger,
            ReplicateTrials(config, ledger, plan, data=str(small_grammar)),
            n_concurrent=lambda: n_concurrent,
            resume_from=lambda record: f"checkpoint of {record.id}",
        )

    first = searcher(2)
    assert first.n_to_come() == 4
    begun = [first.suggest("a"), first.suggest("b")]
    assert first.suggest("c") is None  # no room
    assert first.n_to_come() == 2
    ledger.update(begun[1]["id"], state="completed")
    # The driver dies here; the next one goes on.
    second = searcher(9)
    handed_out = [second.suggest(name) for name in "abcd"]
    assert handed_out[0] == {**begun[0], "resume_from": f"checkpoint of {begun[0]['id']}"}
    assert handed_out[3] is None  # nothing is left now, but a running trial may make more necessary
    assert len(ledger) == 4
    assert {record.key for record in ledger.records} == {
        entrant.key(seed) for entrant in (GOOD, BAD) for seed in (2, 3)
    }
    assert {record.config.seed for record in ledger.records} == {2, 3}
    for name in "abc":
        second.on_trial_complete(name)
    assert second.suggest("e") == "FINISHED"
    assert second.n_to_come() == 0


@pytest.fixture
def too_small(monkeypatch: pytest.MonkeyPatch) -> list[Work]:
    """No Ray starts, and whatever is estimated is too much; the estimated work."""
    estimated: list[Work] = []

    def refuse(work: Work) -> None:
        estimated.append(work)
        raise UserError(work.remedies.disk)

    monkeypatch.setattr(train, "ray_for", lambda config, address: contextlib.nullcontext())
    monkeypatch.setattr(train, "estimate", refuse)
    return estimated


def test_what_the_machine_is_too_small_for_leaves_nothing_behind(
    recorded_study: Callable[..., StudyFolder],
    small_grammar: Path,
    studies_here: Path,
    too_small: list[Work],
) -> None:
    """Or other settings, which may fit, would be refused for those that did not."""
    study = recorded_study("mine", search={"references": True})
    with pytest.raises(UserError, match="fewer --seeds"):
        confirm_study(
            study, n_best=3, n_seeds=8, baseline=None, against=(), address=None, deadline=None
        )
    assert not study.confirm.path.exists()

    options = ReproductionOptions(
        preset="small", n_seeds=4, name="paper", data=small_grammar, settings=(), by_test=False
    )
    with pytest.raises(UserError, match="fewer --seeds"):
        reproduce_study(options, address=None, deadline=None)
    assert not (studies_here / "studies").exists()

    confirm, reproduce = too_small
    # The baseline LL is one of the three; of RL the deletion L is a fourth. Three seeds each before
    # the first look, a seed at a time.
    assert (confirm.n_least, confirm.n_most, confirm.n_together) == (12, 32, 4)
    assert confirm.place.parent == study.path
    assert reproduce.n_least == reproduce.n_most == reproduce.n_together == 36


def score(value: float) -> TestScore:
    return TestScore(score=value, signature="sig", outputs=["a"])


def test_the_tables_hold_means_over_seeds_and_tests_against_the_first_model(trials_of) -> None:
    models = [
        Measured(
            entrant=each,
            trials=trials_of(each, objectives),
            scores=[score(value) for value in values],
        )
        for each, objectives, values in (
            (entrant("model0", "LLLLLLLL"), [5.0, 7.0], [20.0, 22.0]),
            (entrant("model4", "(R1L1)*4"), [15.0, 17.0], [20.5, 22.5]),
        )
    ]
    tables = {table.name: table for table in paper_tables(models, steered_by="valid")}
    first, second = tables["scores"].rows
    assert first[:4] == ("model0", "LLLLLLLL", "2", "2.000")
    assert first[4] == "57.54"  # the paper's
    assert second[4] == "–"  # of which the paper gives no figure
    assert first[6] == "21.0 ± 1.4"
    assert tables["convergence"].rows[0][2] == "12.0 ± 2.8"
    columns = tables["convergence"].columns
    assert columns[2:] == ("AUCC, BLEU × updates", "AUCC, BLEU × minutes")
    # The lowest loss is that of the best score, at 12 updates of half a second; training's is
    # 8 everywhere, first at 4 updates.
    assert tables["losses"].rows[0][1:] == ("7.3 ± 0", "0.1 ± 0", "8 ± 0", "0.033333 ± 0")
    (row,) = tables["against_aucc_updates"].rows
    # Means 12 and 32; two seeds a side, so Welch's t has 2 degrees of freedom: the deviations
    # are alike, t = 20 / sqrt(8 / 2 + 8 / 2) = 7.07, p = 0.0194.
    assert (row[0], row[1], row[3], row[5]) == ("model4", "+20", "0.019", "better")
    (row,) = tables["against_score"].rows
    assert row[1] == "+0.5"
    assert row[5] == "undecided"
    assert int(row[6]) > 100  # seeds to see 0.25 BLEU where they vary by 1.4
    assert tables["scores"].to_csv().splitlines()[1].startswith("model0,LLLLLLLL,2,2.000,57.54")
    lines = tables["scores"].to_markdown().splitlines()
    assert lines[4].startswith("| model0 |         `LLLLLLLL` |     2 |    2.000 |")
    assert len({len(line) for line in lines[2:]}) == 1
    assert tables["pace"].to_markdown().count("|\n") >= 3


def test_areas_over_both_clocks_are_of_the_same_curves_up_to_where_all_have_come(
    make_record: MakeRecord,
) -> None:
    slow = make_record(
        n_epochs=0.25, curve=tuple(curve_point(n, score) for n, score in ((4, 2), (8, 6)))
    )
    fast = make_record(
        n_epochs=0.25, curve=tuple(replace(curve_point(n, 4), seconds=0.25 * n) for n in (4, 8, 40))
    )
    models = [
        Measured(entrant=entrant(name, "LL"), trials=[record], scores=[score(1.0)])
        for name, record in (("slow", slow), ("fast", fast))
    ]
    tables = {table.name: table for table in paper_tables(models, steered_by="valid")}
    # Slow ends at 4 s: 2 s x 1 + 2 s x 4. Fast has 4 BLEU at 1 s and holds it: 1 s x 2 + 3 s x 4.
    assert [row[3] for row in tables["convergence"].rows] == [f"{10 / 60:.5g}", f"{14 / 60:.5g}"]
    assert "0.066667 minutes, where the shortest trial ends" in tables["convergence"].caption


def test_models_are_tested_against_their_deletions(trials_of) -> None:
    models = [
        Measured(
            entrant=entrant(name, encoder),
            trials=trials_of(entrant(name, encoder), objectives),
            scores=[None] * len(objectives),  # as in a slice that ends before the test
        )
        for name, encoder, objectives in (
            ("model0", "LLLL", [1.0, 1.2]),
            ("model2", "RLRL", [5.0, 7.0]),
            ("model4", "R1L1R1L1", [5.0]),
            ("LL", "LL", [15.0, 17.0]),
        )
    ]
    tables = {table.name: table for table in paper_tables(models, steered_by="valid")}
    rows = tables["against_deletions_aucc_updates"].rows
    assert {(row[0], row[1]) for row in rows} == {("model2", "LL")}  # L1L1 is no model here
    # Means 12 and 32, as above; one comparison, so that Holm changes nothing.
    assert list(rows[0][2:5]) == ["-20", rows[0][3], "0.019"]
    assert rows[0][6] == "worse"
    assert tables["against_deletions_score"].rows[0][2] == "–"
    assert tables["scores"].rows[0][6] == "–"


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ((0.1, 0.0, -0.1, 0.05), "not inferior"),
        ((-0.1, -0.12, -0.11, -0.09), "worse, within the margin"),
        ((1.0, 0.9, 1.1, 1.05), "better"),
        ((-1.0, -0.9, -1.1, -1.05), "worse"),
        ((2.0, -2.0, 1.0, -1.5), "undecided"),
    ],
)
def test_a_model_is_not_inferior_if_its_interval_is_above_the_margin(
    trials_of, differences: Sequence[float], verdict: str
) -> None:
    """Half a point of the score, whatever p says of a difference."""
    first = [20.0, 22.0, 21.0, 23.0]
    models = [
        Measured(entrant=each, trials=trials_of(each, [1.0] * 4), scores=[score(v) for v in values])
        for each, values in (
            (GOOD, first),
            (BAD, [one + more for one, more in zip(first, differences, strict=True)]),
        )
    ]
    tables = {table.name: table for table in paper_tables(models, steered_by="valid")}
    assert tables["against_score"].rows[0][5] == verdict
    assert "lower by 0.5 or more" in tables["against_score"].caption


def test_a_test_in_a_slice_waits_where_the_deadline_is_near(
    recorded_study: Callable[..., StudyFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = recorded_study("one")
    record = next(iter(read_records(folder.trials).values()))
    near, far = (Deadline(duration="9m", at=time.monotonic() + left) for left in (1, 1000))
    entrants = (Entrant(name="one", candidate=candidate_of(record.config, folder.config().space)),)
    Lineup(entrants=entrants, seeds=(1,)).save(folder.path)
    monkeypatch.setattr(Entrant, "completed", lambda *_: [record])
    monkeypatch.setattr(reproduction, "test_score", lambda *_: score(20.0))
    assert [m.scores for m in reproduction.measured_models(folder, near)] == [[None]]
    assert [m.scores for m in reproduction.measured_models(folder, far)] == [[score(20.0)]]


def test_every_preset_has_both_readings_the_deletions_and_both_norms() -> None:
    for experiment in EXPERIMENTS.values():
        assert set(experiment.encoders) - set(PRESETS) == {"LLLL", "L1L1L1L1"}
    norms = {"small": {"pre", "post"}, "tatoeba": {"pre", "post"}, "iwslt14": {"pre", "post"}}
    found: dict[str, set[str]] = {file: set() for file in norms}
    for preset, experiment in EXPERIMENTS.items():
        found[experiment.file].add(reproduction_config(options_of(preset)).model.norm)
    assert found == norms


def options_of(preset: str) -> ReproductionOptions:
    return ReproductionOptions(
        preset=preset, n_seeds=4, name=None, data=None, settings=(), by_test=False
    )


@pytest.mark.parametrize("preset", EXPERIMENTS)
def test_a_preset_at_the_papers_size_has_its_recipe_and_a_variant_differs_in_the_norm(
    preset: str,
) -> None:
    config = reproduction_config(options_of(preset))
    assert config.name == f"reproduce-{preset}"
    if preset.startswith("small"):
        return
    model, train = config.model, config.train
    assert (model.d_model, model.ffn, model.heads, model.dropout) == (512, 1024, 4, 0.3)
    assert (train.lr, train.batch_tokens) == (5e-4, 4096)
    assert model.norm == ("pre" if preset.endswith("-pre-norm") else "post")
    assert {entrant.candidate.decoder.depth for entrant in entrants(config, PRESETS)} == {2}


def test_a_study_that_starts_from_an_export_is_refused_before_ray_starts(
    recorded_study: Callable[..., StudyFolder], too_small: list[Work]
) -> None:
    study = recorded_study("mine", train={"init_from": "studies/other/export"})
    rule = r"^study mine: train\.init_from: [^\n]*; compare seeds by hand: [^\n]*seed=SEED [^\n]*$"
    with pytest.raises(UserError, match=rule):
        confirm_study(
            study, n_best=3, n_seeds=8, baseline=None, against=(), address=None, deadline=None
        )
    assert not too_small
    assert not study.confirm.path.exists()


def test_a_whole_confirmation_is_shown_though_its_trials_started_from_an_export(
    recorded_study: Callable[..., StudyFolder],
    make_record: MakeRecord,
    studies_here: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As earlier versions trained them; the export may be gone."""
    study = recorded_study("mine", train={"init_from": "studies/other/export"})
    config, folder = study.config(), study.confirm
    entrants = confirm_entrants(
        config, sorted_records(study.trials), n_best=1, baseline="LLL", against=[]
    )
    plan = AllSeeds(lineup=Lineup(entrants=entrants, seeds=SEEDS[:3]))
    folder.path.mkdir()
    folder.study_file.write_text("# as the study's\n")
    folder.resolve(config, Path(study.data()), purpose="confirm")
    plan.lineup.save(folder.path)
    with Ledger.in_order(folder.trials) as ledger:
        for id_, replicate in enumerate(plan(())):
            trial = make_record().config.model_copy(update={"seed": replicate.seed})
            ledger.put(make_record(id_, key=replicate.key, config=trial))
    monkeypatch.setattr("search.replicates.train.ray_for", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr("search.replicates.train.run_trials", lambda *_, **__: True)
    shown = confirm_study(
        study, n_best=1, n_seeds=3, baseline="LLL", against=(), address=None, deadline=None
    )
    shown_names = [standing.entrant.name for standing in shown.contest.standings]
    assert sorted(shown_names) == sorted(entrant.name for entrant in entrants)
    with pytest.raises(UserError, match=r"train\.init_from"):  # two seeds more are to train
        confirm_study(
            study, n_best=1, n_seeds=5, baseline="LLL", against=(), address=None, deadline=None
        )


def test_further_encoders_are_confirmed_too_each_once(
    recorded_study: Callable[..., StudyFolder], too_small: list[Work]
) -> None:
    study = recorded_study("mine")
    for against, n_entrants in (((), 2), (("LLLLL", "RLRLRL", "model0", "LLLLL"), 5)):
        with pytest.raises(UserError, match="fewer --seeds"):
            confirm_study(
                study,
                n_best=1,
                n_seeds=3,
                baseline="LLLLLL",
                against=against,
                address=None,
                deadline=None,
            )
        assert too_small[-1].n_together == n_entrants


def test_settings_that_keep_replicates_from_learning_are_told_before_they_train(
    recorded_study: Callable[..., StudyFolder],
    too_small: list[Work],
    caplog: pytest.LogCaptureFixture,
) -> None:
    study = recorded_study("mine", train={"warmup_updates": 400})
    with pytest.raises(UserError, match="fewer --seeds"):
        confirm_study(
            study, n_best=1, n_seeds=3, baseline=None, against=(), address=None, deadline=None
        )
    (told,) = [text for text in caplog.messages if "warmup_updates" in text]
    assert told.startswith("train.warmup_updates 400 do not end within budget.updates")
    assert not any("scheduler.grace" in text for text in caplog.messages)  # nothing is stopped


def test_a_confirmation_of_an_earlier_version_goes_on_with_its_own_settings(
    recorded_study: Callable[..., StudyFolder], too_small: list[Work]
) -> None:
    """They were the study file's, and are the first of the space where it has no trial of it."""
    study = recorded_study("mine", space={"hyper": {"train.lr": [0.01, 0.02]}}, train={"lr": 0.005})
    with Ledger.in_order(study.trials) as ledger:
        best = next(each for each in ledger.records if each.config.train.lr == 0.02)
        ledger.update(best.id, objective=99.0)
    config, records = study.config(), list(read_records(study.trials).values())
    entrants = confirm_entrants(config, records, n_best=1, baseline="LLLL", against=[])
    (new,) = [entrant for entrant in entrants if entrant.name == "baseline, own settings"]
    old = replace(new, candidate=replace(new.candidate, hyper={"train.lr": 0.005}))
    study.confirm.path.mkdir()
    before = Lineup(entrants=tuple(old if e == new else e for e in entrants), seeds=(2, 3, 4))
    before.save(study.confirm.path)
    for baseline, told in (("LLLL", "fewer --seeds"), ("LLL", "of other layouts")):
        with pytest.raises(UserError, match=told):
            confirm_study(
                study,
                n_best=1,
                n_seeds=3,
                baseline=baseline,
                against=(),
                address=None,
                deadline=None,
            )


def test_references_run_with_the_best_settings_and_with_their_own(
    recorded_study: Callable[..., StudyFolder],
) -> None:
    """Their own are those of the study's best trial of the layout, or else the space's first."""
    study = recorded_study(
        "mine",
        space={"hyper": {"train.lr": [0.01, 0.02]}},
        train={"lr": 0.005},
        search={"references": True},
    )
    config, records = study.config(), list(read_records(study.trials).values())
    assert {record.config.train.lr for record in records} == {0.01, 0.02}
    winner = next(r for r in records if r.canonical == "RL" and r.config.train.lr == 0.02)
    own = next(r for r in records if r.canonical == "LL" and r.config.train.lr == 0.01)
    changed = {winner.id: 99.0, own.id: 50.0}
    records = [replace(r, objective=changed.get(r.id, 23.0)) for r in records]
    bare = config.model_copy(
        update={"search": config.search.model_copy(update={"references": False})}
    )
    for settings, n_entrants in ((config, 7), (bare, 5)):
        found = confirm_entrants(settings, records, n_best=1, baseline=None, against=["LLLL"])
        assert len(found) == n_entrants
    found = confirm_entrants(config, records, n_best=1, baseline=None, against=["LLLL"])
    lrs = {e.name: e.candidate.hyper["train.lr"] for e in found}
    assert lrs == {
        "1: RL": 0.02,
        "deletion of 1: L": 0.02,
        "deletion of 1: L, own settings": 0.01,
        "LLLL": 0.02,
        "LLLL, own settings": 0.01,
        "baseline, own settings": 0.01,
        "baseline": 0.02,
    }


def test_a_deletion_is_without_the_decoders_reservoirs_too(
    recorded_study: Callable[..., StudyFolder],
) -> None:
    study = recorded_study(
        "mine",
        space={"decoder_depth": [2], "decoder_reservoirs": [1]},
        search={"references": True},
    )
    config, records = study.config(), list(read_records(study.trials).values())
    found = confirm_entrants(config, records, n_best=1, baseline=None, against=[])
    deletions = [each.candidate for each in found if each.name.startswith("deletion")]
    assert deletions
    assert not any(candidate.has_reservoirs for candidate in deletions)


def test_where_the_leader_has_no_reservoirs_the_best_with_some_meets_its_own_deletion(
    trials_of,
) -> None:
    leader, having, bare = entrant("1", "L1L1"), entrant("2", "RLL"), entrant("deletion", "LL")
    records = trials_of(leader, [20.0, 21.2, 19.9]) + trials_of(having, [10.0, 11.2, 9.9])
    records += trials_of(bare, [5.0, 6.1, 4.9])
    result = judged([leader, having, bare], records, seeds=SEEDS[:3])
    found = reservoir_lead(result)
    assert found is not None
    assert (found.standing.entrant, found.other.entrant) == (having, bare)
    confirmation = Confirmation(metric="BLEU", contest=result, n_seeds_before=None, bootstrap=None)
    assert verdict(confirmation)[1].startswith(
        "reservoirs earned their place: without them 2 is deletion; with them, it has +"
    )
    assert verdict(confirmation)[1].endswith("; the leader, 1, has none")
    alone = judged([leader, having], records, seeds=SEEDS[:3])
    against_leader = reservoir_lead(alone)
    assert against_leader is not None
    assert against_leader.other.entrant == leader


def test_reservoirs_earn_their_place_against_the_better_of_their_deletions(trials_of) -> None:
    """Which runs with the winner's settings and with its own."""
    bare = entrant("deletion", "LL")
    tuned = replace(bare, name="deletion, own", candidate=replace(bare.candidate, hyper={"x": 1}))
    records = trials_of(GOOD, [10.0, 11.2, 9.9]) + trials_of(bare, [1.0, 2.1, 0.9])
    records += trials_of(tuned, [5.0, 6.1, 4.9])
    result = judged([GOOD, bare, tuned], records, seeds=SEEDS[:3])
    found = reservoir_lead(result)
    assert found is not None
    assert (found.standing.entrant, found.other.entrant) == (GOOD, tuned)
    assert found.lead.low < found.lead.difference == pytest.approx(5.0333, abs=1e-3)
    confirmation = Confirmation(metric="BLEU", contest=result, n_seeds_before=2, bootstrap=None)
    first, reservoirs, changed = verdict(confirmation)
    assert first.startswith("winner: good, significantly better than each of the 2 others")
    assert reservoirs.startswith(
        "reservoirs earned their place: without them good is deletion, own"
    )
    assert "+94.4% (95% interval +9" in reservoirs
    assert "changed from 2 to 3 after a look" in changed


def test_reservoirs_without_common_seeds_are_said_to_be_open(trials_of) -> None:
    leader, having = entrant("1", "L1L1"), entrant("second", "RLL")
    records = trials_of(leader, [20.0, 21.2, 19.9]) + trials_of(having, [10.0])
    result = judged([leader, having], records, seeds=SEEDS[:3])
    assert reservoir_lead(result) is None
    confirmation = Confirmation(metric="BLEU", contest=result, n_seeds_before=None, bootstrap=None)
    assert verdict(confirmation)[-1] == (
        "reservoirs: whether they earned their place is open: those with reservoirs have too few "
        "seeds in common with the others"
    )


def test_no_seed_is_counted_once_the_leader_is_separated(
    tiny_study: Callable[..., StudyConfig], small_grammar: Path, tmp_path: Path, trials_of
) -> None:
    """Though the plan would have trained more, the progress ends at what was trained."""
    ledger, plan = Ledger.open(tmp_path / "trials.jsonl"), until_separated(GOOD, BAD)
    trials = ReplicateTrials(tiny_study(), ledger, plan, data=str(small_grammar))
    assert trials.n_to_come() == 2 * len(SEEDS)
    records = trials_of(GOOD, [20.0, 20.1, 19.9]) + trials_of(BAD, [1.0, 1.1, 0.9])
    for id_, record in enumerate(records):
        ledger.put(replace(record, id=id_))
    assert trials.n_to_come() == 0
