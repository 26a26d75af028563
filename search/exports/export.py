"""The export of a layout: all that is needed to train, check and use it elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from fairseq.models import BaseFairseqModel
from safetensors.torch import save_file

from search.exports.exported import Exported
from search.exports.exported_scores import SCORES, ExportedScores, FurtherScores
from search.exports.full_evaluation import full_scores, trained_model
from search.exports.full_training import full_config, train_in_full
from search.exports.layout_file import LAYOUT, layout_toml
from search.exports.model_card import model_card
from search.exports.train_script import left_out, train_script
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.kept_weights import best_weights
from search.study.ledger import read_records, sorted_records
from search.study.ranking import best_trial
from search.study.reservoir_verdict import verdict_on
from search.study.storage import study_storage
from search.study.trial_record import TrialRecord
from spaces.errors import UserError
from trainable.atomic import atomic_folder
from trainable.checkpoint import BrokenCheckpoint, Weights, write_checksums
from trainable.curve import Point
from trainable.export_files import CONFIG, WEIGHTS, portable_config
from trainable.fairseq_checkpoint import fairseq_checkpoint
from trainable.fairseq_command import fairseq_train_arguments
from trainable.tasks.registry import load_task


def export_layout(
    folder: StudyFolder, *, trial: int | None, out: Path | None, train: bool
) -> tuple[Path, Exported]:
    """Write the export of a trial into a new folder.

    Args:
        trial: the trial's id; the best completed one if absent.
        out: the new folder; ``export`` in the study's folder if absent.
        train: train the layout to the study's full budget first.

    Returns:
        The folder, and what was written to it.

    Raises:
        UserError: there is no such trial, its weights were not kept, or ``out`` exists.
        WorkFailed: the full training diverged.
    """
    target = out or folder.export
    if target.exists():
        raise UserError(f"{target} exists; remove it, or name another folder with --out")
    study = folder.config()
    record = chosen_trial(folder, study, trial)
    config = record.config
    if train:
        config = full_config(study, config)
        curve, weights = train_in_full(config, folder.full_training(record.id))
    else:
        curve, weights = _kept(folder, record)
    task = load_task(config.data)
    model = trained_model(config, task, weights)
    exported = Exported(
        record=record,
        config=config,
        task=task,
        curve=curve,
        trained_in_full=train,
        valid=full_scores(model, task, config, "valid"),
        test=full_scores(model, task, config, "test"),
        verdict=verdict_on(study, sorted_records(folder.trials), record),
    )
    with atomic_folder(target) as building:
        _write(building, exported, model, weights)
        # safetensors writes for the owner alone; the folder is as the user's umask has it.
        (building / WEIGHTS).chmod(building.stat().st_mode & 0o666)
    return target, exported


def chosen_trial(folder: StudyFolder, study: StudyConfig, trial: int | None) -> TrialRecord:
    """The trial of an id, or the best completed one.

    Raises:
        UserError: there is none.
    """
    records = read_records(folder.trials)
    if trial is None:
        best = best_trial(list(records.values()), study.objective)
        if best is None:
            raise UserError(f"study {study.name}: no trial is completed yet; let it run on")
        return best
    if trial not in records:
        raise UserError(
            f"--trial {trial}: the study has trials 0 to {max(records, default=0)}; "
            f"see them with: reservoir-search show {folder.argument}"
        )
    if records[trial].state == "running":
        raise UserError(f"--trial {trial}: it is still running; wait for it, or take another")
    return records[trial]


def _kept(folder: StudyFolder, record: TrialRecord) -> tuple[tuple[Point, ...], Weights]:
    """The trial's curve and its best weights.

    Raises:
        UserError: they were not kept, or are damaged.
    """
    try:
        kept = best_weights(study_storage(folder), record)
    except BrokenCheckpoint as error:
        raise UserError(
            f"trial {record.id}: its kept weights are damaged: {error}; restore the files from "
            "a copy, or train it anew with --train"
        ) from error
    if kept is None:
        raise UserError(
            f"trial {record.id} ({record.state}): only the best trials' weights are kept; "
            "train it anew with --train"
        )
    weights, curve = kept
    return curve, weights


def _write(folder: Path, exported: Exported, model: BaseFairseqModel, weights: Weights) -> None:
    config, task = exported.config, exported.task
    layout = layout_toml(config.model, seed=config.seed, task=task)
    (folder / LAYOUT).write_text(layout, encoding="utf-8")
    portable = portable_config(config, folder)
    (folder / CONFIG).write_text(portable.model_dump_json(indent=2) + "\n", encoding="utf-8")
    further = further_scores(exported)
    (folder / SCORES).write_text(_scores_json(exported, further), encoding="utf-8")
    save_file(weights, folder / WEIGHTS, metadata={"reservoir_seed": str(config.seed)})
    write_checksums(folder, [WEIGHTS])
    for name in task.vocabulary_files:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(task.folder / name, folder / name)
    task.manifest.save(folder)
    arguments = fairseq_train_arguments(config, task, n_updates=exported.curve[-1].updates)
    torch.save(
        fairseq_checkpoint(model.cpu(), arguments=arguments, n_updates=exported.n_updates),
        folder / "checkpoint.pt",
    )
    (folder / "fairseq-train.sh").write_text(
        train_script([portable.data, *arguments[1:]], notes=left_out(config.train, arguments)),
        encoding="utf-8",
    )
    (folder / "README.md").write_text(model_card(exported, further), encoding="utf-8")


def _scores_json(exported: Exported, further: Mapping[str, FurtherScores]) -> str:
    scores = ExportedScores(
        metric=exported.task.metric.name,
        decoding=exported.task.final_decoding,
        n_updates=exported.n_updates,
        trained_in_full=exported.trained_in_full,
        score_valid=exported.valid.score,
        score_test=exported.test.score,
        loss_valid=exported.valid.loss,
        loss_test=exported.test.loss,
        signature=exported.valid.signature,
        further=further,
    )
    return scores.model_dump_json(indent=2) + "\n"


def further_scores(exported: Exported) -> dict[str, FurtherScores]:
    """Scores of the outputs by the task's further metrics, by the metric's name."""
    task = exported.task
    return {
        metric.name: FurtherScores(
            score_valid=metric.score(exported.valid.outputs, task.references("valid")),
            score_test=metric.score(exported.test.outputs, task.references("test")),
            signature=metric.signature,
        )
        for metric in task.further_metrics
    }
