"""Model 0 and the winner's deletion beside a search whose curves come from a formula."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from ray.tune.search import Searcher

from search.doctor.suggestions import check_suggestions
from search.doctor.trials import check_trials
from search.run.study_totals import study_totals
from search.study.config import StudyConfig
from search.study.ranking import best_trial, ranked
from search.study.references import deletion_of_trial, references_of
from search.study.reservoir_verdict import reservoir_verdict, verdict_on
from search.study.trial_record import TrialRecord
from search.suggest.contract import (
    SimulatedSearch,
    contract_study,
    some_fail_and_some_stop,
)
from search.suggest.reference_trials import ReferenceTrials
from search.suggest.searcher import TrialSearcher
from search.suggest.suggestion_marks import REFERENCE
from spaces.errors import UserError

N_TRIALS = 6

# Model 0 of depth 4 is a layout of the space, and no deletion is.
WITH_MODEL0 = {
    "depth": 4,
    "n_reservoirs": [0, 1, 2],
    "interleaving": ["bottom", "top", "alternating-r-first"],
    "share_learned": ["none", "all"],
    "share_reservoir": ["none", "all"],
    "decoder_depth": 1,
}
WITHOUT_MODEL0 = {**WITH_MODEL0, "n_reservoirs": [1, 2]}
SEVERAL_DEPTHS = {**WITH_MODEL0, "depth": [2, 4], "n_reservoirs": [0, 2]}


class ReferencedSearch(SimulatedSearch):
    """A simulated search with references; each is asked for by a driver that just began."""

    def __init__(self, config: StudyConfig, folder: Path) -> None:
        super().__init__(config, folder)
        self.source = ReferenceTrials(config, self.ledger, self.trials)
        self.searcher = TrialSearcher(
            self.ledger, self.source, n_concurrent=lambda: 2, resume_from=lambda _record: None
        )

    @property
    def records(self) -> list[TrialRecord]:
        return self.ledger.records

    @property
    def searched(self) -> list[TrialRecord]:
        return [record for record in self.records if record.reference is None]

    def of_role(self, role: str) -> list[TrialRecord]:
        return [record for record in self.records if record.reference == role]


def study(space: dict[str, Any], algorithm: str = "surrogate", **tables: Any) -> StudyConfig:
    search = {"algorithm": algorithm, "n_trials": N_TRIALS}
    return contract_study(algorithm, space, **{"search": search, **tables})


def all_but_references_may_stop(search: ReferencedSearch) -> Callable[[int], str]:
    """Trials fail and are stopped in turn, but for references, which are spared."""

    def state_of(id_: int) -> str:
        is_spared = search.source.is_reference(search.ledger[id_])
        return "completed" if is_spared else some_fail_and_some_stop(id_)

    return state_of


@pytest.mark.parametrize("algorithm", ["surrogate", "tpe"])
@pytest.mark.parametrize("space", [WITH_MODEL0, WITHOUT_MODEL0])
def test_model0_is_first_and_the_winners_deletion_last_beside_the_searchs_trials(
    tmp_path: Path, space: dict[str, Any], algorithm: str
):
    search = ReferencedSearch(study(space, algorithm), tmp_path)
    search.run()
    first, *_, last = search.records
    assert (first.canonical, first.reference) == ("LLLL", "model0")
    best = best_trial(search.records, search.config.objective)
    assert best is not None
    deletion = deletion_of_trial(search.config, best)
    assert deletion is not None
    assert (last.key, last.reference) == (deletion.key, "deletion")
    n_layouts = len({record.key for record in search.records})
    assert n_layouts == len(search.records)
    assert len(search.searched) == N_TRIALS
    assert search.trials.counts().n_trained == N_TRIALS
    assert [each.to_dict()["of"] for each in references_of(search.config, search.records)] == [
        None,
        best.id,
    ]


WITHOUT_RESERVOIRS = {**WITH_MODEL0, "n_reservoirs": 0, "share_learned": ["none", "all", "pairs"]}


@pytest.mark.parametrize(
    ("space", "n_trials", "n_known"),
    [
        (WITH_MODEL0, 1 + N_TRIALS + 1, 0),
        (WITHOUT_MODEL0, 1 + N_TRIALS + 1, 0),
        (SEVERAL_DEPTHS, 2 + N_TRIALS + 1, 1),  # the deletion is a layout that was trained
        (WITHOUT_RESERVOIRS, 1 + 3, 1),  # Model 0 is one of the space's three layouts
    ],
)
def test_all_trials_that_will_be_trained_are_told_from_the_beginning(
    tmp_path: Path, space: dict[str, Any], n_trials: int, n_known: int
):
    search = ReferencedSearch(study(space), tmp_path)
    told = [search.searcher.n_to_come()]
    while isinstance((asked := search.ask())[1], dict):
        told.append(len(search.records) + search.searcher.n_to_come())
        search.end(*asked, "completed")
        told.append(len(search.records) + search.searcher.n_to_come())
    assert len(search.records) == n_trials - n_known
    assert search.searcher.n_to_come() == 0
    assert told[0] == n_trials
    assert set(told) <= {n_trials, n_trials - n_known}


@pytest.mark.parametrize("space", [WITH_MODEL0, WITHOUT_MODEL0])
def test_a_reference_can_win_only_where_the_space_has_it(tmp_path: Path, space: dict[str, Any]):
    search = ReferencedSearch(study(space), tmp_path)
    search.run()
    # The reference is far better than all others.
    (model0,) = search.of_role("model0")
    search.ledger.update(model0.id, aucc=1e9, objective=1e9)
    best = best_trial(search.records, search.config.objective)
    assert best is not None
    assert (best.id == model0.id) == (space is WITH_MODEL0)
    assert model0.is_of_the_space == (space is WITH_MODEL0)
    numbers = {record.optuna_number for record in search.records}
    marked = [t for t in search.trials.suggestions if REFERENCE in t.user_attrs]
    assert {trial.number for trial in marked} <= numbers
    assert len(marked) == (space is WITH_MODEL0)
    n_own = len(search.trials.suggestions) - len(marked)
    assert search.trials.counts().n_suggestions == n_own


@pytest.mark.parametrize("algorithm", ["surrogate", "random"])
def test_a_search_that_is_interrupted_at_every_trial_has_the_same_references(
    tmp_path: Path, algorithm: str
):
    config = study(WITH_MODEL0, algorithm, search={"algorithm": algorithm, "n_trials": 5})
    for _ in range(30):
        search = ReferencedSearch(config, tmp_path)
        _, interrupted = search.ask()
        if interrupted == Searcher.FINISHED:
            break
        resumed = ReferencedSearch(config, tmp_path)  # nothing was told of the trial's end
        tune_id, again = resumed.ask()
        assert (again["id"], again["trial"]) == (interrupted["id"], interrupted["trial"])
        resumed.end(tune_id, again, "completed")
    records = ReferencedSearch(config, tmp_path).records
    assert [record.reference for record in records] == ["model0", *5 * [None], "deletion"]


def test_a_winner_that_more_trials_bring_gets_its_own_deletion(tmp_path: Path):
    few = study(WITH_MODEL0, "grid", search={"algorithm": "grid", "n_trials": 2})
    ReferencedSearch(few, tmp_path).run()
    search = ReferencedSearch(study(WITH_MODEL0, "grid"), tmp_path)
    search.run()
    best = best_trial(search.records, search.config.objective)
    assert best is not None
    deletion = deletion_of_trial(search.config, best)
    assert deletion is not None
    assert deletion.key in {record.key for record in search.of_role("deletion")}
    assert len(search.searched) == N_TRIALS


def test_a_reference_that_the_search_stopped_is_trained_to_its_end_in_its_place(tmp_path: Path):
    """A winner at depth 4 has a deletion that the space has at depth 2."""
    config = study(SEVERAL_DEPTHS, "grid", search={"algorithm": "grid", "n_trials": 20})
    search = ReferencedSearch(config, tmp_path)
    search.run()
    best = next(r for r in search.records if r.encoder.kinds == "RRLL" and "L1" in r.canonical)
    deletion = next(r for r in search.records if r.canonical == "L1L1")
    assert deletion.reference is None
    # As if the scheduler had stopped it before its candidate was known to be a reference.
    again = ReferencedSearch(config, tmp_path)
    again.ledger.update(best.id, aucc=1e9, objective=1e9)
    again.ledger.update(deletion.id, state="stopped", curve=deletion.curve[:1])
    n_before, n_suggestions = len(again.records), again.trials.counts().n_suggestions
    again.run()
    assert len(again.records) == n_before
    assert again.ledger[deletion.id].state == "completed"
    assert again.ledger[deletion.id].curve == deletion.curve
    assert again.trials.counts().n_suggestions == n_suggestions
    ReferencedSearch(config, tmp_path)  # a later driver finds nothing lost


def test_a_layout_that_the_search_trained_is_the_reference_and_not_trained_again(tmp_path: Path):
    """A study of an earlier version: its trials have no roles."""
    config = study(WITH_MODEL0, "grid")
    plain = SimulatedSearch(config, tmp_path)
    plain.run()
    model0 = next(r for r in plain.ledger.records if r.canonical == "LLLL")
    search = ReferencedSearch(config, tmp_path)
    assert [each.role for each in references_of(config, search.records)] == ["model0"]
    search.run()
    assert len(search.records) == N_TRIALS + 1  # the deletion
    found = references_of(config, search.records)
    assert [(each.role, each.trial.reference) for each in found] == [
        ("model0", None),
        ("deletion", "deletion"),
    ]
    assert found[0].trial.id == model0.id


@pytest.mark.parametrize("space", [WITH_MODEL0, WITHOUT_MODEL0])
def test_optuna_and_the_doctor_agree_with_references(tmp_path: Path, space: dict[str, Any]):
    config = study(space, "random")
    search = ReferencedSearch(config, tmp_path)
    search.run(all_but_references_may_stop(search))
    finding = check_suggestions(tmp_path / "optuna.log", search.records, config)
    assert finding.verdict == "ok", (finding.faults, finding.waiting)
    finding = check_trials(tmp_path / "trials.jsonl", search.records, config)
    assert not [fault for fault in finding.faults if "candidate" in fault or "key" in fault]


def test_a_failed_reference_is_told_and_trained_again_when_asked(tmp_path: Path):
    config = study(WITHOUT_MODEL0)
    search = ReferencedSearch(config, tmp_path)
    search.run(lambda id_: "failed" if id_ == 0 else "completed")
    (model0,) = search.of_role("model0")
    assert model0.state == "failed"
    search.run()
    assert len(search.of_role("model0")) == 1
    search.trials.retry([model0.id])
    again = ReferencedSearch(config, tmp_path)
    again.run()
    (model0,) = again.of_role("model0")
    assert (model0.state, model0.optuna_number) == ("completed", None)


def test_a_relative_bound_is_known_once_model0_has_ended(tmp_path: Path):
    """Scores are 20 with no R, 25 with one, 30 with two: 130 % of Model 0's is 26."""
    config = study(WITHOUT_MODEL0, "grid", objective={"min_score": "130% of model0"})
    search = ReferencedSearch(config, tmp_path)
    model0_id, model0 = search.ask()
    other_id, other = search.ask()  # side by side, and it ends first
    search.end(other_id, other, "completed")
    assert len(ranked(search.records, config.objective)) == 1
    told = search.trials.suggestions[0]
    assert told.state is TrialState.COMPLETE
    assert dict(told.constraints) == {"bounds": 0.0}
    search.end(model0_id, model0, "completed")
    assert ranked(search.records, config.objective) == []
    search.run()
    compared = ranked(search.records, config.objective)
    assert compared
    assert all(record.encoder.n_reservoirs == 2 for record in compared)
    later = {t.number: t.constraints["bounds"] for t in search.trials.suggestions[1:]}
    by_number = {record.optuna_number: record for record in search.records}
    for number, shortfall in later.items():
        if number in by_number:
            assert (shortfall <= 0) == (by_number[number].encoder.n_reservoirs == 2)


def test_the_surrogate_turns_from_layouts_that_miss_a_relative_bound(tmp_path: Path):
    """Without the bound a single shared L wins by its size; it has a score of 20 of 26 needed."""
    objective = {"min_score": "130% of model0"}
    share = {}
    for name, tables in (("free", {}), ("bounded", {"objective": objective})):
        (tmp_path / name).mkdir()
        config = study({**WITH_MODEL0, "n_reservoirs": [0, 1, 2]}, **tables)
        search = ReferencedSearch(config, tmp_path / name)
        search.run()
        reaching = [record.encoder.n_reservoirs == 2 for record in search.searched]
        share[name] = sum(reaching)
    assert share["bounded"] >= share["free"]
    best = best_trial(search.records, config.objective)
    assert best is not None
    assert best.encoder.n_reservoirs == 2


def test_a_relative_bound_without_references_is_refused_in_one_line():
    search = {"references": False}
    with pytest.raises(UserError, match="needs Model 0, and search") as error:
        study(WITH_MODEL0, objective={"min_score": "95% of model0"}, search=search)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("bound", ["model0", "95 % of model0", "-3% of model0", "95% of model1"])
def test_a_relative_bound_that_is_written_otherwise_is_a_fault(bound: str):
    with pytest.raises(UserError, match="a part of Model 0's score as"):
        study(WITH_MODEL0, objective={"min_score": bound})


@pytest.mark.parametrize("name", ["aucc_per_mparam", "aucc"])
def test_the_verdict_has_the_ratio_of_the_areas(tmp_path: Path, name: str):
    config = study(WITH_MODEL0, objective={"name": name})
    search = ReferencedSearch(config, tmp_path)
    search.run()
    best = best_trial(search.records, config.objective)
    deletion = search.of_role("deletion")[-1]
    assert best is not None
    assert best.aucc is not None
    assert deletion.aucc is not None
    ratio = best.aucc / deletion.aucc
    verdict = reservoir_verdict(config, search.records)
    assert verdict is not None
    assert f"the AUCC of {best.canonical} is {ratio:.3f} of that of {deletion.canonical}" in verdict
    assert f"added {ratio - 1:.1%}".replace("%", " %") in verdict  # reservoirs help, by the formula
    metrics, _ = study_totals(search.trials.counts(), search.records, config, data="absent")
    assert metrics["winner_aucc_over_deletion"] == pytest.approx(ratio)
    (model0,) = search.of_role("model0")
    assert model0.aucc is not None
    assert metrics["winner_aucc_over_model0"] == pytest.approx(best.aucc / model0.aucc)


def test_the_verdict_on_a_winner_without_reservoirs_names_the_best_layout_with_them(
    tmp_path: Path,
):
    config = study(WITH_MODEL0)
    search = ReferencedSearch(config, tmp_path)
    search.run()
    (model0,) = search.of_role("model0")
    search.ledger.update(model0.id, aucc=1e4, objective=1e5)
    search.run()  # as the next driver: its deletion is already there
    best, *others = ranked(search.records, config.objective)
    other = next(record for record in others if record.has_reservoirs)
    assert best.id == model0.id
    verdict = reservoir_verdict(config, search.records)
    assert verdict is not None
    share = (other.objective or 0.0) / 1e5
    deletion = next(each for each in references_of(config, search.records) if each.of == other.id)
    ratio = (other.aucc or 0.0) / (deletion.trial.aucc or 0.0)
    assert verdict.startswith(
        f"Reservoirs: the winner has none; the best layout with them is {other.canonical} (trial "
        f"{other.id}), {share:.3f} of the winner's objective; the AUCC of {other.canonical} is "
        f"{ratio:.3f} of that of {deletion.trial.canonical}, the same layout without them"
    )
    metrics, _ = study_totals(search.trials.counts(), search.records, config, data="absent")
    assert "winner_aucc_over_deletion" not in metrics
    assert metrics["best_with_reservoirs_aucc_over_deletion"] == pytest.approx(ratio)
    card = verdict_on(config, search.records, best)
    assert card == f"1.000 of the AUCC of Model 0. {verdict}"
    of_other = verdict_on(config, search.records, other)
    assert of_other is not None
    assert f"the AUCC of {other.canonical} is {ratio:.3f} of that of" in of_other


def test_a_layout_of_reservoirs_alone_has_no_deletion_and_the_verdict_says_so(tmp_path: Path):
    config = study({**WITH_MODEL0, "n_reservoirs": 4})
    search = ReferencedSearch(config, tmp_path)
    search.run()
    assert search.of_role("deletion") == []
    verdict = reservoir_verdict(config, search.records)
    assert verdict is not None
    assert "no layer of" in verdict


def test_without_references_there_are_none(tmp_path: Path):
    config = study(WITH_MODEL0, search={"references": False})
    search = SimulatedSearch(config, tmp_path)
    search.run()
    assert references_of(config, search.ledger.records) == []
    assert reservoir_verdict(config, search.ledger.records) is None


def test_a_trial_is_spared_if_it_is_a_reference_whoever_suggested_it(tmp_path: Path):
    search = ReferencedSearch(study(SEVERAL_DEPTHS, "grid"), tmp_path)
    search.run(all_but_references_may_stop(search))
    assert references_of(search.config, search.records)
    for each in references_of(search.config, search.records):
        assert each.is_whole
