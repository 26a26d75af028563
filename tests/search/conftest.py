"""Studies small enough for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from search.replicates.entrant import Entrant
from search.study.config import StudyConfig, study_from
from search.study.folder import StudyFolder
from search.study.ledger import Ledger, read_records
from search.study.ranking import best_trial
from search.study.trial_record import TrialRecord
from spaces.candidate import Candidate
from spaces.counts import ParamCounts
from spaces.layout import Layout
from tests.search.command_line import reservoir_search, study_toml
from tests.search.replay.tables import candidates_of
from trainable.config import TrialConfig
from trainable.curve import Point

TINY_STUDY: dict[str, Any] = {
    "name": "tiny",
    "data": "data/grammar",
    "space": {
        "depth": [2, 3],
        "n_reservoirs": [0, 1, 2],
        "interleaving": ["bottom", "top"],
        "share_learned": ["none", "all"],
        "decoder_depth": 1,
    },
    "model": {"d_model": 16, "ffn": 32, "heads": 2},
    "train": {"lr": 5e-3, "warmup_updates": 4, "batch_tokens": 256},
    "validation": {"interval_updates": 4, "n_sentences": 10},
    "budget": {"updates": 12},
    "search": {"n_trials": 6, "n_startup": 3, "references": False},
    "scheduler": {"name": "asha", "grace": 4},
}


@pytest.fixture(scope="session")
def tiny_study() -> Callable[..., StudyConfig]:
    """The tiny study with tables changed by keyword: ``tiny_study(search={"n_trials": 2})``."""

    def make(**tables: Any) -> StudyConfig:
        values = {**TINY_STUDY}
        for name, table in tables.items():
            values[name] = {**values.get(name, {}), **table} if isinstance(table, dict) else table
        return study_from(values, "test")

    return make


@pytest.fixture
def make_record(tiny_trial: TrialConfig) -> Callable[..., TrialRecord]:
    """A completed trial with a curve of three points, changed by keyword."""

    def make(id_: int = 0, **changes: Any) -> TrialRecord:
        values: dict[str, Any] = {
            "id": id_,
            "layout": Layout.parse("R1LR1L"),
            "key": f"key-{id_}",
            "config": tiny_trial,
            "counts": ParamCounts(total=2_000_000, learned=1_500_000, stored=1_500_000, encoder=9),
            "optuna_number": id_,
            "state": "completed",
            "curve": tuple(
                curve_point(updates, score) for updates, score in ((4, 2), (8, 6), (12, 7))
            ),
            # 4 x 1 + 4 x 4 + 4 x 6.5
            "aucc": 46.0,
            "objective": 23.0,
        }
        return TrialRecord(**{**values, **changes})

    return make


@pytest.fixture
def recorded_study(
    tiny_study: Callable[..., StudyConfig],
    tiny_trial: TrialConfig,
    make_record: Callable[..., TrialRecord],
    tmp_path: Path,
) -> Callable[..., StudyFolder]:
    """A study's folder with one trial of each candidate, of the given states."""

    def make(name: str, states: dict[int, str] | None = None, **tables: object) -> StudyFolder:
        config = tiny_study(name=name, **tables)
        folder = StudyFolder(tmp_path / name)
        folder.path.mkdir()
        data = Path(tiny_trial.data)
        folder.resolve(config, data)
        ledger = Ledger.open(folder.trials)
        for number, candidate in enumerate(candidates_of(config)):
            ledger.put(
                make_record(
                    number,
                    key=candidate.key,
                    layout=candidate.encoder,
                    config=config.trial(candidate, data=str(data)),
                    state=(states or {}).get(number, "completed"),
                    n_epochs=0.25,
                    peak_memory_bytes=1000,
                )
            )
        return folder

    return make


def curve_point(updates: int, score: float) -> Point:
    return Point(
        updates=updates,
        seconds=0.5 * updates,
        tokens=100 * updates,
        flops=1e6 * updates,
        score=float(score),
        loss=8.0 - score / 10,
        train_loss=8.0,
    )


@pytest.fixture
def studies_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, in which ``studies/`` will be made."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@dataclass(frozen=True)
class RealStudy:
    """A study called ``mine`` that the command line ran in the working folder ``place``."""

    place: Path
    stdout: str

    @property
    def folder(self) -> StudyFolder:
        return StudyFolder(self.place / "studies/mine")

    @property
    def records(self) -> list[TrialRecord]:
        return list(read_records(self.folder.trials).values())


@pytest.fixture(scope="session")
def real_study(tmp_path_factory: pytest.TempPathFactory, small_grammar: Path) -> RealStudy:
    """Eight trials by Ray, Optuna and MLflow, some of them doomed to diverge.

    One for all tests, as it takes half a minute. They may add to it, never change what is
    there.
    """
    place = tmp_path_factory.mktemp("place")
    # A learning rate of 1e38 cannot but diverge.
    space = (
        'depth = [2, 3]\nn_reservoirs = [0, 1]\ninterleaving = ["bottom", "top"]\n'
        'share_learned = ["none", "all"]\ndecoder_depth = 1\n'
        '[space.hyper]\n"train.lr" = [4e-3, 5e-3, 6e-3, 1e38]'
    )
    search = 'algorithm = "random"\nn_trials = 8'
    study = study_toml(small_grammar, space=space, search=search)
    (place / "mine.toml").write_text(study + "[tracking]\ntensorboard = true\n")
    done = reservoir_search("run", "mine.toml", cwd=place)
    assert done.returncode == 0, done.stderr
    return RealStudy(place, done.stdout)


@dataclass(frozen=True)
class RealExport:
    """The export of the trial that was the best of the real study's first eight."""

    folder: Path
    record: TrialRecord
    stdout: str


@pytest.fixture(scope="session")
def real_export(real_study: RealStudy) -> RealExport:
    config = real_study.folder.config()
    best = best_trial(real_study.records, config.objective)
    assert best is not None
    done = reservoir_search("export", "mine", cwd=real_study.place)
    assert done.returncode == 0, done.stderr
    return RealExport(real_study.folder.export, best, done.stdout)


def entrant(name: str, encoder: str) -> Entrant:
    """An entrant of a comparison with one decoder layer and no settings of its own."""
    return Entrant(
        name=name,
        candidate=Candidate(
            encoder=Layout.parse(encoder),
            decoder=Layout.parse("L"),
            reservoir_gain=1.0,
            hyper={},
        ),
    )
