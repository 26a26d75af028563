from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from search.kept_weights import best_weights, keep_best_weights, latest_checkpoint
from search.study_folder import StudyFolder
from search.trial_record import TrialRecord
from spaces.counts import ParamCounts
from tests.search.conftest import curve_point
from trainable.checkpoint import Checkpoint, save_checkpoint
from trainable.config import ObjectiveConfig

Make = Callable[..., TrialRecord]


def write_checkpoint(folder: StudyFolder, id_: int, number: int, *, session: int = 1) -> Path:
    path = folder.ray / f"session-{session:03d}/trial-{id_:04d}/checkpoint_{number:06d}"
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


def kept_ids(folder: StudyFolder, records: list[TrialRecord]) -> set[int]:
    return {record.id for record in records if best_weights(folder, record) is not None}


def test_the_best_few_within_the_bounds_keep_their_best_weights_alone(
    make_record: Make, tmp_path: Path
):
    folder = StudyFolder(tmp_path)
    records = [make_record(id_, objective=float(id_)) for id_ in range(6)]
    records[5] = make_record(5, objective=9.0, curve=(curve_point(4, 0.1),))  # below min_bleu
    records.append(make_record(6, state="stopped", objective=99.0))
    records.append(make_record(7, state="running", objective=None))
    for record in records:
        write_checkpoint(folder, record.id, 0)
        write_checkpoint(folder, record.id, 1)
    keep_best_weights(folder, records, ObjectiveConfig(min_bleu=1.0))
    assert kept_ids(folder, records) == {4, 3, 2, 7}
    left = {path.name for path in folder.ray.glob("session-001/trial-0004/*/*")}
    assert left == {"best.safetensors", "progress.json"}
    kept = best_weights(folder, records[4])
    assert kept is not None
    assert [point.updates for point in kept[1]] == [4, 8]
    assert latest_checkpoint(folder, records[7]) is not None


def test_the_whole_front_of_a_pareto_study_is_kept(make_record: Make, tmp_path: Path):
    folder = StudyFolder(tmp_path)
    records = []
    for id_ in range(5):
        n_params = 1_000_000 * (id_ + 1)
        counts = ParamCounts(total=n_params, learned=1, stored=1, encoder=1)
        records.append(make_record(id_, aucc=float(id_), objective=float(id_), counts=counts))
        write_checkpoint(folder, id_, 0)
    keep_best_weights(folder, records, ObjectiveConfig(name="pareto"))
    assert kept_ids(folder, records) == {0, 1, 2, 3, 4}


def test_a_trial_goes_on_from_its_newest_whole_checkpoint_whichever_drivers_it_is(
    make_record: Make, tmp_path: Path
):
    folder = StudyFolder(tmp_path)
    record = make_record(0, state="running")
    assert latest_checkpoint(folder, record) is None
    first = write_checkpoint(folder, 0, 3)
    torn = write_checkpoint(folder, 0, 1, session=2)
    assert latest_checkpoint(folder, record) == torn.resolve()
    (torn / "checksums.json").unlink()
    assert latest_checkpoint(folder, record) == first.resolve()
