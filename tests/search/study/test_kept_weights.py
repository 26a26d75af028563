from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from search.study.kept_weights import KeptWeights, best_weights, latest_checkpoint, next_session
from search.study.storage import Storage
from search.study.trial_record import TrialRecord
from spaces.counts import ParamCounts
from tests.search.conftest import curve_point
from trainable.checkpoint import Checkpoint, save_checkpoint
from trainable.config import ObjectiveConfig

Make = Callable[..., TrialRecord]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage.at(tmp_path)


def write_checkpoint(storage: Storage, id_: int, number: int, *, session: int = 1) -> Path:
    path = Path(storage.path) / f"session-{session:03d}/trial-{id_:04d}/checkpoint_{number:06d}"
    path.mkdir(parents=True)
    weights = {"w": torch.full((2,), float(number))}
    checkpoint = Checkpoint(
        weights=weights,
        best_weights=weights,
        optimizer={},
        curve=tuple(curve_point(4 * (n + 1), 5 + n) for n in range(number + 1)),
        finished=False,
    )
    save_checkpoint(checkpoint, path)
    return path


def kept_ids(storage: Storage, records: list[TrialRecord]) -> set[int]:
    return {record.id for record in records if best_weights(storage, record) is not None}


def files_in(storage: Storage) -> set[str]:
    root = Path(storage.path)
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def sized(make_record: Make, id_: int, *, n_params: int, score: float) -> TrialRecord:
    counts = ParamCounts(total=n_params, learned=1, stored=1, encoder=1)
    return make_record(id_, aucc=score, objective=score, counts=counts)


def test_the_best_few_within_the_bounds_keep_their_best_weights_alone(
    make_record: Make, storage: Storage
):
    records = [make_record(id_, objective=float(id_)) for id_ in range(6)]
    records[5] = make_record(5, objective=9.0, curve=(curve_point(4, 0.1),))  # below min_score
    records.append(make_record(6, state="stopped", objective=99.0))
    records.append(make_record(7, state="running", objective=None))
    for record in records:
        write_checkpoint(storage, record.id, 0)
        write_checkpoint(storage, record.id, 1)
    KeptWeights(storage, ObjectiveConfig(min_score=1.0), records).clean_up()
    assert kept_ids(storage, records) == {4, 3, 2, 7}
    left = {path.name for path in Path(storage.path).glob("session-001/trial-0004/*/*")}
    assert left == {"best.safetensors", "progress.json", "checksums.json"}
    kept = best_weights(storage, records[4])
    assert kept is not None
    assert [point.updates for point in kept[1]] == [4, 8]
    assert latest_checkpoint(storage, records[7]) is not None


def test_nothing_is_removed_before_it_is_asked_for(make_record: Make, storage: Storage):
    records = [make_record(id_, objective=float(id_)) for id_ in range(6)]
    for record in records:
        write_checkpoint(storage, record.id, 0)
    KeptWeights(storage, ObjectiveConfig(), records)
    assert kept_ids(storage, records) == set(range(6))


def test_where_all_weights_are_kept_a_bound_costs_no_completed_trial_its_own(
    make_record: Make, storage: Storage
):
    records = [make_record(id_, objective=float(id_)) for id_ in range(5)]
    records.append(make_record(5, state="failed", curve=()))
    for record in records:
        write_checkpoint(storage, record.id, 0)
    bounded = ObjectiveConfig(min_score=99.0)  # which none of them reaches
    kept = KeptWeights(storage, bounded, n_kept=None)
    for record in records:
        kept.end(record)
    assert kept_ids(storage, records) == {0, 1, 2, 3, 4}
    KeptWeights(storage, bounded, records, n_kept=None).clean_up()  # as the next driver cleans up
    assert kept_ids(storage, records) == {0, 1, 2, 3, 4}


def test_the_whole_front_of_a_pareto_study_is_kept(make_record: Make, storage: Storage):
    records = [
        sized(make_record, id_, n_params=1_000_000 * (id_ + 1), score=float(id_))
        for id_ in range(5)
    ]
    for record in records:
        write_checkpoint(storage, record.id, 0)
    KeptWeights(storage, ObjectiveConfig(name="pareto"), records).clean_up()
    assert kept_ids(storage, records) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("name", ["aucc", "pareto"])
@pytest.mark.parametrize("seed", range(5))
def test_cleaning_up_trial_by_trial_leaves_what_a_clean_up_of_all_of_them_leaves(
    make_record: Make, tmp_path: Path, name: str, seed: int
):
    rng = random.Random(seed)
    objective = ObjectiveConfig(name=name)
    records = [
        sized(make_record, id_, n_params=rng.randrange(1, 6), score=float(rng.randrange(6)))
        for id_ in range(20)
    ]
    rng.shuffle(records)  # they end in any order
    one_by_one, at_once = Storage.at(tmp_path / "one_by_one"), Storage.at(tmp_path / "at_once")
    kept = KeptWeights(one_by_one, objective)
    for record in records:
        write_checkpoint(one_by_one, record.id, 0)
        write_checkpoint(at_once, record.id, 0)
        kept.end(record)
    KeptWeights(at_once, objective, records).clean_up()
    assert files_in(one_by_one) == files_in(at_once)
    assert kept_ids(one_by_one, records)


def test_the_end_of_a_trial_looks_at_no_other_trials_folders(
    make_record: Make, storage: Storage, monkeypatch: pytest.MonkeyPatch
):
    records = [make_record(id_, objective=float(-id_)) for id_ in range(30)]
    kept = KeptWeights(storage, ObjectiveConfig())
    listed: list[str] = []
    folders = Storage.folders

    def noted(place: Storage) -> list[str]:
        listed.append(place.path)
        return folders(place)

    monkeypatch.setattr(Storage, "folders", noted)
    n_listed = []
    for record in records:
        write_checkpoint(storage, record.id, 0)
        listed.clear()
        kept.end(record)
        n_listed.append(len(listed))
    assert max(n_listed) == n_listed[-1] == 2  # the sessions, and the trial's folder in the one


def test_what_an_earlier_driver_left_of_a_trial_goes_with_it(make_record: Make, storage: Storage):
    write_checkpoint(storage, 0, 0, session=1)
    write_checkpoint(storage, 0, 1, session=2)
    KeptWeights(storage, ObjectiveConfig()).end(make_record(0, state="stopped"))
    assert files_in(storage) == set()


def test_storage_that_is_away_does_not_end_a_search(
    make_record: Make, storage: Storage, monkeypatch: pytest.MonkeyPatch
):
    def away(place: Storage) -> list[str]:
        raise OSError("AWS Error NETWORK_CONNECTION")

    kept = KeptWeights(storage, ObjectiveConfig())
    records = [make_record(id_, objective=float(id_)) for id_ in range(5)]
    with monkeypatch.context() as patch:
        patch.setattr(Storage, "folders", away)
        for record in records:
            write_checkpoint(storage, record.id, 0)
            kept.end(record)
    assert kept_ids(storage, records) == {0, 1, 2, 3, 4}
    KeptWeights(storage, ObjectiveConfig(), records).clean_up()  # the next driver
    assert kept_ids(storage, records) == {2, 3, 4}


def test_a_trial_goes_on_from_its_newest_whole_checkpoint_whichever_drivers_it_is(
    make_record: Make, storage: Storage
):
    record = make_record(0, state="running")
    assert latest_checkpoint(storage, record) is None
    first = write_checkpoint(storage, 0, 3)
    torn = write_checkpoint(storage, 0, 1, session=2)
    assert latest_checkpoint(storage, record) == str(torn)
    (torn / "checksums.json").unlink()
    assert latest_checkpoint(storage, record) == str(first)


def test_each_driver_gets_a_session_of_its_own(storage: Storage):
    assert next_session(storage) == "session-001"
    write_checkpoint(storage, 0, 0, session=1)
    write_checkpoint(storage, 0, 0, session=12)
    assert next_session(storage) == "session-013"


def test_while_a_relative_bound_waits_for_model0_all_weights_are_kept(
    make_record: Make, storage: Storage
):
    """Of five trials the three best miss the bound, which is known last."""
    records = [
        make_record(id_, objective=float(id_), curve=(curve_point(12, 9.0 if id_ < 2 else 5.0),))
        for id_ in range(5)
    ]
    model0 = make_record(5, reference="model0", optuna_number=None, state="running", curve=())
    for record in (*records, model0):
        write_checkpoint(storage, record.id, 0)
    kept = KeptWeights(storage, ObjectiveConfig(min_score="95% of model0"))
    kept.begin(model0)
    for record in records:
        kept.end(record)
    assert kept_ids(storage, records) == {0, 1, 2, 3, 4}
    kept.end(make_record(5, reference="model0", optuna_number=None, curve=(curve_point(12, 9.0),)))
    assert kept_ids(storage, records) == {0, 1}
