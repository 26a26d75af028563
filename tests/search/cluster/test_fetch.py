"""A study that is packed on a cluster comes out whole here, and can be looked at from here."""

from __future__ import annotations

import dataclasses
import itertools
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.job_submission import JobStatus

from search.cluster import fetch, packed_study
from search.cluster.fetch import fetch_study, fetched_records
from search.cluster.packed_study import PARTS, packed, unpack
from search.commands.export import export
from search.commands.report import report
from search.commands.show import show
from search.commands.ui import ui
from search.replicates.entrant import Entrant
from search.replicates.lineup import Lineup
from search.report.reported_study import read_study
from search.report.sections.winner import winner
from search.report.trials_table import study_table
from search.study.config import StudyConfig
from search.study.errors import WorkFailed
from search.study.folder import StudyFolder
from search.study.ledger import Ledger, read_records
from search.tracking import mlflow_ui
from spaces.candidate import Candidate
from spaces.errors import UserError
from spaces.layout import Layout

Capture = pytest.CaptureFixture[str]
PLACE = {"address": "http://head:8265", "folder": "/srv"}
RecordedStudy = Callable[..., StudyFolder]


@pytest.fixture
def there(recorded_study: RecordedStudy) -> StudyFolder:
    """A study with an export and a checkpoint."""
    folder = recorded_study("one")
    folder.export.mkdir()
    (folder.export / "weights.bin").write_bytes(bytes(range(256)) * 1000)
    folder.ray.mkdir()
    (folder.ray / "checkpoint").touch()
    return folder


class Cluster:
    """Runs a job's line at once, as the dashboard's client would have it run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.lines: list[str] = []
        monkeypatch.setattr(fetch, "dashboard", lambda address: self)
        monkeypatch.setattr(fetch, "submitted", self._run)

    def _run(self, client: Any, line: str, *, address: str) -> str:
        self.lines.append(line)
        study, *parts = shlex.split(line.split("packed_study ")[1].split(";")[0])
        self._code = packed_study.main(study, parts)
        captured = self._capsys.readouterr()
        self._log = f"a line of Ray's\n{captured.out}{captured.err}"
        return "job"

    def get_job_status(self, job: str) -> JobStatus:
        return JobStatus.FAILED if self._code else JobStatus.SUCCEEDED

    def get_job_info(self, job: str) -> Any:
        return SimpleNamespace(status=self.get_job_status(job), driver_exit_code=self._code)

    def get_job_logs(self, job: str) -> str:
        return self._log


def test_records_and_exports_come_here_and_checkpoints_stay(
    there: StudyFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    cluster = Cluster(monkeypatch, capsys)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    options = {"address": "http://head:8265", "folder": "/srv", "out": None}
    here = StudyFolder(fetch_study(str(there.path), **options))
    assert here.path == Path("studies/one")
    assert read_records(here.trials) == read_records(there.trials)
    assert here.config() == there.config()
    weights = "export/weights.bin"
    assert (here.path / weights).read_bytes() == (there.path / weights).read_bytes()
    assert not here.ray.exists()
    assert subprocess.run(["sh", "-n", "-c", cluster.lines[0]], check=False).returncode == 0


def test_a_growing_study_is_fetched_again_and_its_old_copy_goes(
    there: StudyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
):
    Cluster(monkeypatch, capsys)
    copy = StudyFolder(tmp_path / "copies/one")
    fetch_study(str(there.path), **PLACE, out=copy.path)
    copy.report.touch()
    ledger = Ledger.open(there.trials)
    ledger.update(0, n_epochs=9.0)
    fetch_study(str(there.path), **PLACE, out=copy.path)
    assert read_records(copy.trials) == read_records(there.trials)
    assert not copy.report.exists()
    assert [path.name for path in copy.path.parent.iterdir()] == ["one"]


def continued(copy: StudyFolder) -> None:
    copy.change(place=str(copy.path.resolve()))


def trained_in_full(copy: StudyFolder) -> None:
    copy.full_training(0).mkdir(parents=True)


def of_this_machine(copy: StudyFolder) -> None:
    (copy.path / "fetched.txt").unlink()


def of_another_study(copy: StudyFolder) -> None:
    copy.change(id="c" * 32)


@pytest.mark.parametrize("change", [continued, trained_in_full, of_this_machine, of_another_study])
def test_a_folder_that_is_more_than_a_fetch_of_the_study_stays(
    there: StudyFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    change: Callable[[StudyFolder], None],
):
    Cluster(monkeypatch, capsys)
    copy = StudyFolder(fetch_study(str(there.path), **PLACE, out=tmp_path / "copy"))
    change(copy)
    before = {path: path.read_bytes() for path in copy.path.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match="move it away, or give another folder"):
        fetch_study(str(there.path), **PLACE, out=copy.path)
    after = {path: path.read_bytes() for path in copy.path.rglob("*") if path.is_file()}
    assert after == before


def test_a_study_that_is_not_there_is_refused_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    Cluster(monkeypatch, capsys)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="the command was refused, see above"):
        fetch_study("absent", address="http://head:8265", folder="/srv", out=None)
    assert "error: study 'absent'" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_log_without_a_whole_study_makes_no_folder(there: StudyFolder, tmp_path: Path):
    assert set(PARTS) & {path.name for path in there.path.iterdir()}
    for log in ("nothing", packed(there.path, PARTS)[:-400], "reservoir-search-study:äö"):
        with pytest.raises(WorkFailed):
            unpack(log, tmp_path / "new", origin="a cluster")
        assert not (tmp_path / "new").exists()


def test_show_of_a_study_on_a_cluster_is_what_it_is_there_without_its_disk(
    there: StudyFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    Cluster(monkeypatch, capsys)
    for options in ({}, {"as_json": True}, {"as_csv": True}):
        show(str(there.path), **options)
        shown_there = capsys.readouterr().out.splitlines()
        show(str(there.path), **options, **PLACE)
        shown_here = capsys.readouterr().out.splitlines()
        assert shown_here == [line for line in shown_there if not line.startswith("on disk")]
        assert any(line.startswith("on disk") for line in shown_there) == (not options)


def confirmed(study: StudyFolder) -> None:
    """A confirmation in which RL is better than LL."""
    config = study.config()
    folder, data = study.confirm, Path(study.data())
    folder.path.mkdir()
    folder.resolve(config, data, purpose="confirm")
    entrants = [entrant(encoder, config) for encoder in ("R1L", "LL")]
    Lineup(entrants=tuple(entrants), seeds=(2, 3, 4)).save(folder.path)
    ledger, first = Ledger.open(folder.trials), read_records(study.trials)[0]
    for number, (seed, one) in enumerate(itertools.product((2, 3, 4), entrants)):
        value = 2000.0 - 1000 * entrants.index(one) + seed**2
        trial = dataclasses.replace(
            first,
            id=number,
            key=one.key(seed),
            config=one.trial(config, data=str(data), seed=seed),
            aucc=value,
            objective=value,
        )
        ledger.put(trial)


def entrant(encoder: str, config: StudyConfig) -> Entrant:
    candidate = Candidate(
        encoder=Layout.parse(encoder),
        decoder=config.space.first_decoder,
        reservoir_gain=1.0,
        hyper={},
    )
    return Entrant(name=encoder, candidate=candidate)


def test_a_confirmation_comes_along_and_decides_here_too(
    there: StudyFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    Cluster(monkeypatch, capsys)
    monkeypatch.chdir(tmp_path)
    (there.path / "optuna.log").touch()
    confirmed(there)
    (there.path / "confirm/ray").mkdir()
    copy = fetch_study(str(there.path), **PLACE, out=Path("copy"))
    assert not (copy / "confirm/ray").exists()
    with fetched_records(str(there.path), **PLACE) as looked_at:
        for study in (StudyFolder(copy), looked_at):
            assert winner(read_study(study)).title == "The winner"
            study_table(study)
            assert "winner: R1L, significantly better" in capsys.readouterr().out


def test_a_report_of_a_study_on_a_cluster_is_written_here(
    there: StudyFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    Cluster(monkeypatch, capsys)
    monkeypatch.chdir(tmp_path)
    (there.path / "optuna.log").touch()
    report(str(there.path), **PLACE)
    page = Path("one.html").read_text(encoding="utf-8")
    assert "reservoir-search export one " in page
    assert capsys.readouterr().out == "one.html\n"
    assert not there.report.exists()


def test_an_export_is_made_there_and_comes_here(
    there: StudyFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    Cluster(monkeypatch, capsys)
    jobs: list[tuple[tuple[str, ...], dict[str, str]]] = []
    monkeypatch.setattr(fetch, "submit_job", lambda job, **place: jobs.append((job.words, place)))
    monkeypatch.chdir(tmp_path)
    export(str(there.path), trial=3, train=True, **PLACE)
    assert jobs == [(("export", str(there.path), "--trial", "3", "--train"), PLACE)]
    assert [path.name for path in Path("one-export").iterdir()] == ["weights.bin"]
    weights = there.export / "weights.bin"
    assert Path("one-export/weights.bin").read_bytes() == weights.read_bytes()
    with pytest.raises(UserError, match="one-export exists"):
        export(str(there.path), **PLACE)
    with pytest.raises(UserError, match="give it to submit"):
        export(str(there.path), register="name", **PLACE)
    assert len(jobs) == 1


def test_mlflow_of_a_study_on_a_cluster_is_that_of_a_server_or_refused(
    there: StudyFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    Cluster(monkeypatch, capsys)
    with pytest.raises(UserError, match="in a file on the cluster's head"):
        ui(str(there.path), **PLACE)
    served: list[tuple[str, int]] = []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    monkeypatch.setattr(
        mlflow_ui, "serve", lambda found, port: served.append((found.path.name, port))
    )
    ui(str(there.path), **PLACE)
    assert served == [("one", 5000)]


def test_records_that_were_looked_at_are_gone_afterwards_and_no_weights_came(
    there: StudyFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    Cluster(monkeypatch, capsys)
    with fetched_records(str(there.path), **PLACE) as here:
        assert read_records(here.trials) == read_records(there.trials)
        assert not (here.export / "weights.bin").exists()
    assert not here.path.exists()


@pytest.mark.parametrize("given", [{"address": "http://head:8265"}, {"folder": "/srv"}])
def test_a_cluster_without_its_folder_is_refused(given: dict[str, str]):
    with pytest.raises(UserError, match="give both or none"):
        show("one", **given)
