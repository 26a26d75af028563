"""A reproduction in two slices, each of which ends at its deadline."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from search.replicates import reproduce, reproduction
from search.replicates.reproduce import (
    Experiment,
    ReproductionOptions,
    reproduce_study,
    reproduction_folder,
)
from search.replicates.reproduction import print_results
from search.replicates.test_set import TestScore
from search.run.deadline import CLOSING_S, Deadline
from search.study.errors import NotFinished
from search.study.folder import StudyFolder
from search.study.ledger import sorted_records
from spaces.layout import Layout
from trainable.curve import Point
from trainable.training import run_trial

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SETTINGS = (
    "model.d_model=16",
    "model.ffn=32",
    "train.lr=5e-3",
    "train.batch_tokens=256",
    "train.warmup_updates=4",
    "validation.interval_updates=10",
    "validation.n_sentences=10",
    "budget.updates=60",
    "search.n_concurrent=1",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterPoints(Deadline):
    """Deadline that is near once the folder's trials have so many validations."""

    folder: StudyFolder
    n_points: int
    came: list[float] = field(default_factory=list)  # readings of the clock at which it was near

    @property
    def is_near(self) -> bool:
        if sum(len(record.curve) for record in sorted_records(self.folder.trials)) < self.n_points:
            return False
        self.came.append(time.monotonic())
        return True


def without_seconds(curve: Sequence[Point]) -> list[tuple[float, ...]]:
    return [(p.updates, p.tokens, p.flops, p.score, p.loss, p.train_loss) for p in curve]


def test_two_slices_train_what_an_unbroken_run_does_and_end_in_time(
    small_grammar: Path,
    studies_here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    encoders = {"one": Layout.parse("R1LR1L"), "two": Layout.parse("LL")}
    tiny = Experiment(file="small", encoders=encoders)
    monkeypatch.setattr(reproduce, "EXPERIMENTS", {"tiny": tiny})
    options = ReproductionOptions(
        preset="tiny",
        n_seeds=1,
        name="sliced",
        data=small_grammar,
        settings=SETTINGS,
        by_test=False,
    )
    folder = reproduction_folder(options)

    deadline = AfterPoints(duration="9m", at=0.0, folder=folder, n_points=2)
    with pytest.raises(NotFinished, match="continue with: the same command"):
        reproduce_study(options, address=None, deadline=deadline)
    assert time.monotonic() - deadline.came[0] < CLOSING_S
    (cut,) = sorted_records(folder.trials)
    assert cut.state == "running"
    assert 2 <= len(cut.curve) < 6

    reproduce_study(options, address=None, deadline=Deadline.after("1h"))
    records = sorted_records(folder.trials)
    assert [record.state for record in records] == ["completed"] * 2
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in a trial's process: other numbers round otherwise
    for record in records:
        unbroken = run_trial(record.config, report=lambda _: None)
        assert without_seconds(record.curve) == without_seconds(unbroken.curve)
    torch.set_num_threads(threads)

    with pytest.raises(NotFinished, match="completed trials to be tested: 2"):
        print_results(folder, Deadline(duration="9m", at=time.monotonic()))
    tested = TestScore(score=20.0, signature="sig", outputs=["a"])
    monkeypatch.setattr(reproduction, "test_score", lambda *_: tested)
    print_results(folder, Deadline.after("1h"))
    before, after = capsys.readouterr().out.split("written: ", 1)
    before, after = (re.sub(" +", " ", part) for part in (before, after))  # columns are aligned
    assert "\n| one | `R1LR1L` | 1 |" in before
    assert "on the test set with" not in before
    assert "BLEU on the test set with sig." in after
    assert "AUCC over updates against the deletions" in after
    assert "\n| one | two | – |" in after  # LL is the deletion of R1LR1L; one seed has no test
