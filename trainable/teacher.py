"""Word-level distillation: an export teaches a trial, by its probabilities of the targets.

The target of a word is a mixture: 1 - w of the reference, smoothed as without a teacher, and w of
the teacher's distribution, at temperature 1 (Kim and Rush 2016, arXiv:1606.07947, who found
w = 0.5 better than 0.9). Of the distribution the likeliest words count, renormalised to sum to 1,
as Tan et al. 2019 do (arXiv:1902.10461).

Shapes: N tokens, D model, V vocabulary, K words of a token.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from fairseq.models import BaseFairseqModel

from spaces.errors import DamagedData, UserError
from spaces.flops import NO_SAVINGS
from trainable.checkpoint import load_learned_weights
from trainable.collate import PADDING, inputs_on_device
from trainable.config import TrialConfig
from trainable.corpus import batches_by_tokens, by_length
from trainable.data.own_files import require_own_files
from trainable.digests import file_sha256
from trainable.export_files import WEIGHTS, check_weights, exported_config, exported_weights
from trainable.export_size import refuse_too_large
from trainable.loss import CHUNK, GPU_CHUNK
from trainable.tasks.decoded_set import DECODING_TOKENS
from trainable.tasks.registry import load_task, load_vocabulary
from trainable.tasks.task import Task
from trainable.tasks.translation import Translation
from trainable.teacher_table import Rows, TeacherTable, write_table

logger = logging.getLogger(__name__)

SETTING = "train.distill"
N_WORDS = 8  # of a token; Tan et al.'s K


def check_teacher(trial: TrialConfig, task: Task) -> None:
    """Check that the export ``train.distill``, if given, can teach the trial.

    Raises:
        UserError: it is no export, or has other words; the task cannot be taught word by word;
            there is no place for its probabilities.
    """
    if trial.train.distill is not None:
        _checked_folder(Path(trial.train.distill), task)


def teacher_table(trial: TrialConfig, device: torch.device) -> TeacherTable | None:
    """The probabilities of ``train.distill``; None if it is not given.

    They are made once, in the data's folder, for all trials with this teacher and these data;
    meanwhile others wait.

    Raises:
        UserError: the teacher does not fit the trial.
        OSError: the disk is full.
    """
    if trial.train.distill is None:
        return None
    loaded, teacher = load_task(trial.data), Path(trial.train.distill)
    folder, task = _checked_folder(teacher, loaded), _translation(loaded)
    sizes, n_rows = task.corpus.split("train").tgt_sizes, len(task.corpus.tgt_dict)
    if not folder.is_dir():
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():
                _make_table(folder, teacher, task, device)
    return TeacherTable(folder, sizes, n_rows=n_rows)


def _checked_folder(teacher: Path, task: Task) -> Path:
    """Place of the table of an export that can teach; it may be yet to make.

    Raises:
        UserError: as of ``check_teacher``.
    """
    exported_config(teacher, SETTING)
    task = _translation(task)
    if not _has_words_of(load_vocabulary(str(teacher)), task):
        raise UserError(
            f"{SETTING} {teacher}: its dictionaries are not those of {task.folder}; give an export "
            "that was trained on these data, or on data of `data distill` from them"
        )
    folder = _table_folder(teacher, task)
    if not (folder.is_dir() or os.access(task.folder, os.W_OK)):
        raise UserError(
            f"{SETTING} {teacher}: its probabilities are kept in {task.folder}, which cannot be "
            "written; make it writable, or copy the data"
        )
    return folder


def _translation(task: Task) -> Translation:
    if not isinstance(task, Translation):
        raise UserError(
            f"{SETTING}: the task of {task.folder}, {task.name}, has no word-level distillation; "
            "leave it out"
        )
    return task


def _has_words_of(teacher: Task, task: Translation) -> bool:
    return (
        isinstance(teacher, Translation)
        and teacher.manifest.sides == task.manifest.sides
        and teacher.corpus.src_dict == task.corpus.src_dict
        and teacher.corpus.tgt_dict == task.corpus.tgt_dict
    )


def _table_folder(teacher: Path, task: Task) -> Path:
    """Place of the table, named by a checksum of the teacher, the data and K."""
    config = exported_config(teacher, SETTING)
    require_own_files(teacher, [WEIGHTS], max_bytes=None)
    try:
        weights = file_sha256(teacher / WEIGHTS)
    except OSError as error:
        raise DamagedData(
            f"{SETTING} {teacher}: {WEIGHTS} cannot be read ({error.strerror}); export it again"
        ) from error
    parts = (weights, config.model.model_dump_json(), config.seed, task.manifest.digest, N_WORDS)
    digest = hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()
    return task.folder / f"teacher-{digest[:16]}"


def _make_table(folder: Path, teacher: Path, task: Translation, device: torch.device) -> None:
    check_weights(teacher)
    config = exported_config(teacher, SETTING).model
    dims, n_tokens = task.dimensions(config), task.n_epoch_tokens
    flops = task.flops_per_token(config.encoder, config.decoder, dims, NO_SAVINGS).forward
    logger.info(
        "distill=%s tokens=%d: the teacher's probabilities are made once", teacher, n_tokens
    )
    write_table(
        folder,
        _rows(_model(teacher, task).to(device), task, device),
        n_tokens=n_tokens,
        n_words=min(N_WORDS, dims.tgt_rows),
        n_params_total=task.count_params(config.encoder, config.decoder, dims).total,
        flops=flops * n_tokens,
    )


def _model(teacher: Path, task: Translation) -> BaseFairseqModel:
    config = exported_config(teacher, SETTING)
    try:
        refuse_too_large(config.model, task, weights=teacher / WEIGHTS)
        model = task.build_model(config.model, seed=config.seed)
        load_learned_weights(model, exported_weights(teacher, SETTING))
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(f"{SETTING} {teacher}: {error}; export it again") from error
    return model.eval()


@torch.no_grad()
def _rows(model: BaseFairseqModel, task: Translation, device: torch.device) -> Iterator[Rows]:
    """Rows of all training targets: the teacher reads the references, in fp32."""
    dataset, collate = task.corpus.split("train"), task.corpus.collator("train")
    order = by_length(dataset, np.arange(len(dataset), dtype=np.int64))
    max_tokens = max(DECODING_TOKENS[device.type], int(dataset.num_tokens_vec(order).max()))
    starts = np.cumsum(dataset.tgt_sizes) - dataset.tgt_sizes
    for indices in batches_by_tokens(dataset, order, max_tokens):
        batch = inputs_on_device(collate(indices), device)
        row_N, column_N = (batch["target"] != PADDING).nonzero(as_tuple=True)
        features_ND = task.features(model, batch)[row_N.to(device), column_N.to(device)]
        words_NK, probabilities_NK = _likeliest(model, features_ND)
        yield Rows(
            places=starts[batch["id"].numpy()][row_N.numpy()] + column_N.numpy(),
            words=words_NK.cpu().numpy(),
            probabilities=probabilities_NK.cpu().numpy(),
        )


def _likeliest(
    model: BaseFairseqModel, features_ND: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The likeliest words, and their probabilities among each other; scores come in chunks."""
    weight_VD = model.decoder.output_projection.weight
    n_scores = CHUNK if features_ND.device.type == "cpu" else GPU_CHUNK
    n_words = min(N_WORDS, len(weight_VD))
    found = [
        (part_ND @ weight_VD.t()).topk(n_words, dim=1)
        for part_ND in torch.split(features_ND, max(1, n_scores // len(weight_VD)))
    ]
    scores_NK = torch.cat([scores for scores, _ in found])
    return torch.cat([words for _, words in found]), torch.softmax(scores_NK, dim=1)
