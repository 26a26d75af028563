"""Which replicates are wanted, who wins, and what the tables say, against hand-made trials."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from search.costs.work import Work
from search.replicates import train
from search.replicates.confirm import confirm_study
from search.replicates.contest import contest
from search.replicates.entrant import Entrant
from search.replicates.lineup import Lineup
from search.replicates.paper_tables import Measured, paper_tables
from search.replicates.plans import AllSeeds, UntilSeparated, trials_ahead
from search.replicates.replicate_trials import ReplicateTrials
from search.replicates.reproduce import Asked, reproduce_study
from search.replicates.test_set import TestScore
from search.stats.significance import seeds_to_see
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from search.suggest.searcher import TrialSearcher
from spaces.candidate import Candidate
from spaces.errors import UserError
from spaces.layout import Layout

SEEDS = (2, 3, 4, 5, 6)

MakeRecord = Callable[..., TrialRecord]


def entrant(name: str, encoder: str) -> Entrant:
    return Entrant(
        name=name,
        candidate=Candidate(
            encoder=Layout.parse(encoder),
            decoder=Layout.parse("L"),
            reservoir_gain=1.0,
            hyper={},
        ),
    )


GOOD, BAD = entrant("good", "R1LR1L"), entrant("bad", "LL")


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
    assert [(each.seed, each.entrant.name) for each in wanted] == [
        (seed, name) for seed in SEEDS for name in ("good", "bad")
    ]


def test_no_round_begins_before_the_one_before_has_ended(trials_of) -> None:
    plan = UntilSeparated(lineup=Lineup(entrants=(GOOD, BAD), seeds=SEEDS))
    records = trials_of(GOOD, [1, 1]) + trials_of(BAD, [1])
    assert {each.key for each in plan(records)} == {
        each.key(seed) for each in (GOOD, BAD) for seed in SEEDS[:2]
    }


def test_a_leader_that_is_separated_ends_the_training(trials_of) -> None:
    records = trials_of(GOOD, [10.0, 10.1, 9.9]) + trials_of(BAD, [1.0, 1.1, 0.9])
    plan = UntilSeparated(lineup=Lineup(entrants=(GOOD, BAD), seeds=SEEDS))
    assert {each.seed for each in plan(records)} == set(SEEDS[:3])
    told = contest([GOOD, BAD], records, n_seeds_at_most=len(SEEDS))
    assert told.winner == GOOD
    assert [standing.entrant.name for standing in told.standings] == ["good", "bad"]


def test_what_came_after_the_end_does_not_reopen_it(trials_of) -> None:
    """A driver that goes on wants what the one before it wanted, whatever has ended since."""
    early = trials_of(GOOD, [10.0, 10.1, 9.9]) + trials_of(BAD, [1.0, 1.1, 0.9])
    late = trials_of(GOOD, [10.0, 10.1, 9.9, 1.0]) + trials_of(BAD, [1.0, 1.1, 0.9, 10.0])
    plan = UntilSeparated(lineup=Lineup(entrants=(GOOD, BAD), seeds=SEEDS))
    assert plan(early) == plan(late)


def test_trials_ahead_are_those_that_are_certain_and_those_that_may_come(trials_of) -> None:
    lineup = Lineup(entrants=(GOOD, BAD), seeds=SEEDS)
    of_all, of_some = AllSeeds(lineup=lineup), UntilSeparated(lineup=lineup)
    assert trials_ahead(of_all, []) == (2 * len(SEEDS), 2 * len(SEEDS))
    assert trials_ahead(of_some, []) == (6, 2 * len(SEEDS))  # three seeds before the first look
    begun = trials_of(GOOD, [1]) + trials_of(BAD, [1])
    assert trials_ahead(of_some, begun) == (4, 2 * len(SEEDS) - 2)
    alike = trials_of(GOOD, [3, 5, 4]) + trials_of(BAD, [2, 5, 3])
    assert trials_ahead(of_some, alike) == (2, 2 * len(SEEDS) - 6)
    separated = trials_of(GOOD, [10.0, 10.1, 9.9]) + trials_of(BAD, [1.0, 1.1, 0.9])
    assert trials_ahead(of_some, separated) == (0, 0)
    # What an earlier call with more seeds left unfinished is trained first.
    late = [replace(trials_of(GOOD, [1] * 4)[3], state="running")]
    fewer = UntilSeparated(lineup=replace(lineup, seeds=SEEDS[:3]))
    assert trials_ahead(fewer, separated + late) == (1, 1)
    alone = UntilSeparated(lineup=replace(lineup, entrants=(GOOD,)))
    assert trials_ahead(alone, []) == (len(SEEDS), len(SEEDS))


def test_a_leader_within_the_noise_does_not_win(trials_of) -> None:
    records = trials_of(GOOD, [3, 5, 4, 6, 2]) + trials_of(BAD, [2, 5, 3, 6, 1])
    told = contest([GOOD, BAD], records, n_seeds_at_most=len(SEEDS))
    assert told.winner is None
    # Both sides vary by sqrt(2.5) and sqrt(4.3), the means differ by 0.6; three looks share 5 %.
    deviation = math.sqrt((2.5 + 4.3) / 2)
    needed = seeds_to_see(0.6, deviation=deviation, significance=0.05 / told.n_looks)
    assert told.n_looks == len(SEEDS) - 2
    assert told.n_seeds_needed(told.standings[1]) == needed


def test_equal_entrants_seldom_have_a_winner_however_often_one_looks(trials_of) -> None:
    """The error that Holm and the looks are adjusted for: below 5 % over the whole contest."""
    rng, n_contests, n_won = random.Random(3), 200, 0
    others = [BAD, entrant("third", "L1L1"), entrant("fourth1", "LLL")]
    plan = UntilSeparated(lineup=Lineup(entrants=(GOOD, *others), seeds=SEEDS))
    for _ in range(n_contests):
        values = {each.name: [rng.gauss(10, 1) for _ in SEEDS] for each in (GOOD, *others)}
        records = [
            record for each in (GOOD, *others) for record in trials_of(each, values[each.name])
        ]
        n_seeds = len({each.seed for each in plan(records)})
        seen = [record for record in records if record.config.seed in SEEDS[:n_seeds]]
        n_won += contest([GOOD, *others], seen, n_seeds_at_most=len(SEEDS)).winner is not None
    assert n_won / n_contests < 0.05


def test_failed_trials_count_as_trained_and_compare_nothing(trials_of, make_record) -> None:
    failed = make_record(
        99,
        key=BAD.key(4),
        state="failed",
        config=make_record().config.model_copy(update={"seed": 4}),
        objective=None,
        aucc=None,
    )
    records = trials_of(GOOD, [10.0, 10.1, 9.9]) + trials_of(BAD, [1.0, 1.1]) + [failed]
    told = contest([GOOD, BAD], records, n_seeds_at_most=3)
    assert [standing.n_seeds for standing in told.standings] == [3, 2]


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
    begun = [first.suggest("a"), first.suggest("b")]
    assert first.suggest("c") is None  # no room
    ledger.update(begun[1]["id"], state="completed")
    # The driver dies here; the next one goes on.
    second = searcher(9)
    told = [second.suggest(name) for name in "abcd"]
    assert told[0] == {**begun[0], "resume_from": f"checkpoint of {begun[0]['id']}"}
    assert told[3] is None  # nothing is left, but what runs might make more wanted
    assert len(ledger) == 4
    assert {record.key for record in ledger.records} == {
        each.key(seed) for each in (GOOD, BAD) for seed in (2, 3)
    }
    assert {record.config.seed for record in ledger.records} == {2, 3}
    for name in "abc":
        second.on_trial_complete(name)
    assert second.suggest("e") == "FINISHED"


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
    study = recorded_study("mine")
    with pytest.raises(UserError, match="fewer --seeds"):
        confirm_study(study, n_best=3, n_seeds=8, baseline=None, address=None)
    assert not study.confirm.path.exists()

    asked = Asked(
        preset="small", n_seeds=4, name="paper", data=small_grammar, settings=(), by_test=False
    )
    with pytest.raises(UserError, match="fewer --seeds"):
        reproduce_study(asked, address=None)
    assert not (studies_here / "studies").exists()

    confirm, reproduce = too_small
    # The baseline is one of the three. Three seeds each before the first look, a seed at a time.
    assert (confirm.n_least, confirm.n_most, confirm.n_together) == (9, 24, 3)
    assert confirm.place.parent == study.path
    assert reproduce.n_least == reproduce.n_most == reproduce.n_together == 28


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
    assert first[7:] == ("21.0 ± 1.4", "12.0 ± 2.8")
    (row,) = tables["against_aucc"].rows
    # Means 12 and 32; two seeds a side, so Welch's t has 2 degrees of freedom: the deviations
    # are alike, t = 20 / sqrt(8 / 2 + 8 / 2) = 7.07, p = 0.0194.
    assert (row[0], row[1], row[3], row[4]) == ("model4", "+20", "0.0194", "0.0194")
    (row,) = tables["against_score"].rows
    assert row[1] == "+0.5"
    assert int(row[5]) > 100  # seeds to see 0.25 BLEU where they vary by 1.4
    assert tables["scores"].to_csv().splitlines()[1].startswith("model0,LLLLLLLL,2,2.000,57.54")
    assert "| model0 | `LLLLLLLL` | 2 | 2.000 |" in tables["scores"].to_markdown()
    assert tables["pace"].to_markdown().count("|\n") >= 3
