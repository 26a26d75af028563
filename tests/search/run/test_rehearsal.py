"""What would fail for every candidate is refused before the first trial."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from search.report.study_outline import outline
from search.run.driver import start_study
from search.study.config import StudyConfig
from spaces.errors import UserError
from trainable.config import RanksConfig, TrainConfig, TrialConfig
from trainable.corpus import open_corpus
from trainable.rehearsal import check_device, rehearse
from trainable.tasks.registry import load_task


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"train": {"batch_tokens": 3}}, "train.batch_tokens 3: the shortest sentence has"),
        ({"space": {"hyper": {"train.batch_tokens": [2, 3]}}}, "train.batch_tokens 2: the"),
    ],
)
def test_a_study_whose_every_trial_would_fail_is_refused_in_a_line(
    tiny_study: Callable[..., StudyConfig],
    small_grammar: Path,
    studies_here: Path,
    tables: dict[str, Any],
    told: str,
):
    config = tiny_study(data=str(small_grammar), **tables)
    with pytest.raises(UserError) as refused:
        start_study(config, Path("tiny.toml"))
    (line,) = str(refused.value).split("\n")
    assert line.startswith(told)
    assert not Path("studies").exists()


def test_examples_that_the_smallest_batch_leaves_out_are_told_before_training(
    tiny_trial: TrialConfig,
    tiny_study: Callable[..., StudyConfig],
    caplog: pytest.LogCaptureFixture,
):
    dataset = open_corpus(tiny_trial.data).split("train")
    lengths = [max(len(each["source"]), len(each["target"])) for each in dataset]
    limit = sorted(lengths)[len(lengths) // 2]
    n_longer = sum(length > limit for length in lengths)
    told = f"train.batch_tokens {limit}: {n_longer} of 600 training examples have more tokens"
    train = tiny_trial.train.model_copy(update={"batch_tokens": limit})
    rehearse(tiny_trial.model_copy(update={"train": train}))
    assert [told in record.getMessage() for record in caplog.records] == [True]
    caplog.clear()
    rehearse(tiny_trial)
    assert not caplog.records
    hyper = {"train.batch_tokens": [256, limit, 512]}
    config = tiny_study(data=tiny_trial.data, space={"hyper": hyper})
    assert any(told in line for line in outline(config, Path("tiny.toml")))
    config = tiny_study(data=tiny_trial.data)
    assert not any("batch_tokens" in line for line in outline(config, Path("tiny.toml")))


def test_a_trial_on_two_dictionaries_cannot_tie_them(tiny_trial: TrialConfig, tmp_path: Path):
    data = tmp_path / "data"
    shutil.copytree(tiny_trial.data, data)
    words = (data / "dict.en.txt").read_text().splitlines()
    (data / "dict.en.txt").write_text("\n".join(reversed(words)) + "\n")
    model = tiny_trial.model.model_copy(update={"tied": "all"})
    trial = tiny_trial.model_copy(update={"data": str(data), "model": model})
    load_task.cache_clear()
    with pytest.raises(UserError, match=r"^model\.tied: 'all' needs one dictionary"):
        rehearse(trial)


@pytest.mark.parametrize("name", ["bpe.codes", "dict.en.txt", "valid.raw.en", "train.de-en.de.bin"])
def test_a_trial_whose_data_lack_a_file_is_refused(
    tiny_trial: TrialConfig, tmp_path: Path, name: str
):
    data = tmp_path / "data"
    shutil.copytree(tiny_trial.data, data)
    (data / name).unlink()
    load_task.cache_clear()
    with pytest.raises(UserError, match=name):
        rehearse(tiny_trial.model_copy(update={"data": str(data)}))


def test_gpus_that_torch_cannot_use_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    check_device(RanksConfig(), TrainConfig())
    with pytest.raises(UserError, match=r"^ranks\.gpus_per_rank 0\.5: .* can use no GPU here; "):
        check_device(RanksConfig(gpus_per_rank=0.5), TrainConfig())


def test_a_precision_that_the_gpu_lacks_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    check_device(RanksConfig(gpus_per_rank=1), TrainConfig(precision="auto"))
    with pytest.raises(UserError, match=r"^train\.precision 'bf16': .* use 'fp32' or 'auto'$"):
        check_device(RanksConfig(gpus_per_rank=1), TrainConfig(precision="bf16"))
