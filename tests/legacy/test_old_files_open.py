"""Files that version 0.1.0 wrote open, and mean what they meant; the README says what they are."""

from __future__ import annotations

import json
import math
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.criterions.label_smoothed_cross_entropy import label_smoothed_nll_loss
from fairseq.data import LanguagePairDataset
from safetensors.torch import load_file

from search.cli import app, exit_code
from search.exports.translate import Translator, open_export
from search.replay.recorded_studies import open_table
from search.study.config import load_study, study_from
from search.study.folder import StudyFolder
from search.study.ledger import sorted_records
from search.study.trial_record import TrialRecord
from tests.search.command_line import ROOT, reservoir_search
from trainable.checkpoint import load_checkpoint, load_learned_weights
from trainable.data.manifest import Manifest
from trainable.model_size import param_counts
from trainable.tasks.registry import load_task

HERE = Path(__file__).parent
OLD_DATA = "/data/grammar"  # as the files have it
STUDIES = ("kinds", "front", "interrupted")
EXPORTS = ("plain", "partly", "fgc")
RENAMED = {"objective.min_bleu": "objective.min_score"}
CHECKPOINT = HERE / "studies/interrupted/ray/session-001/trial-0001/checkpoint_000003"

# Id, encoder, decoder, state, parameters in all, objective.
Row = tuple[int, str, str, str, int, float | None]
RECORDS: dict[str, tuple[Row, ...]] = {
    "kinds": (
        (0, "R1LR1", "L", "completed", 13_616, 76.14198540021098),
        (1, "La1La1", "L", "stopped", 12_528, 27.762378003821926),
        (2, "LF", "L", "stopped", 12_496, 0.0),
        (3, "GLL", "L", "completed", 14_896, 82.03181602096771),
        (4, "CFL", "L", "stopped", 13_358, 0.0),
        (5, "RLa1La1", "L", "completed", 14_752, 191.44025861749705),
        (6, "RL1L1", "L", "stopped", 13_616, 29.538271850341175),
        (7, "CLa1La1", "L", "completed", 13_390, 47.19268212990525),
        (8, "RLa1La1", "L", "failed", 14_752, None),
        (9, "La1RLa1", "L", "completed", 14_752, 46.29381505272662),
        (10, "C1C1", "L", "failed", 10_030, None),
        (11, "C1C1", "L", "stopped", 10_030, 0.0),
        (12, "RLL", "L", "stopped", 15_840, 0.0),
        (13, "GLa1La1", "L", "completed", 13_808, 67.7468132598313),
    ),
    "front": (
        (0, "L", "LL", "completed", 14_736, 787.2569960626913),
        (1, "RL", "LL", "completed", 16_960, 1079.3038987880736),
        (2, "LL", "RL", "completed", 16_960, 0.0),
        (3, "LLR", "RL", "completed", 19_184, 0.0),
        (4, "RL", "LL", "completed", 16_960, 1214.1742561389797),
        (5, "LL", "LL", "completed", 16_960, 230.73451317655432),
        (6, "RLL", "LL", "completed", 19_184, 267.9255185704823),
        (7, "LLL", "LL", "completed", 19_184, 222.62935706532699),
        (8, "RL", "LL", "completed", 16_960, 1049.8515806353612),
    ),
    "interrupted": (
        (0, "RL", "L", "completed", 13_616, 306.5165844322145),
        (1, "RLL", "L", "running", 15_840, 0.0),
    ),
    "kinds/confirm": (
        (0, "RLa1La1", "L", "completed", 14_752, 0.0),
        (1, "LLL", "L", "completed", 15_840, 0.0),
        (2, "RLa1La1", "L", "completed", 14_752, 80.65506028583096),
        (3, "LLL", "L", "completed", 15_840, 13.632697664280217),
    ),
}


@pytest.fixture
def copied(
    tmp_path: Path, small_grammar: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], StudyFolder]:
    """Copies an old study into the working folder, its data where they are now."""
    monkeypatch.chdir(tmp_path)

    def copy(name: str) -> StudyFolder:
        folder = tmp_path / "studies" / name
        shutil.copytree(HERE / "studies" / name, folder)
        for file in (*folder.rglob("*.json"), *folder.rglob("*.jsonl")):
            file.write_text(file.read_text().replace(f'"{OLD_DATA}"', f'"{small_grammar}"'))
        return StudyFolder(folder)

    return copy


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Standard output of a command that must exit with 0."""
    capsys.readouterr()
    assert exit_code(lambda: app(list(arguments), standalone_mode=False)) == 0
    return capsys.readouterr().out


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The settings in a tree of tables, by dotted name."""
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from leaves(part, f"{name}.{key}" if name else key)
    else:
        yield name, value


def study_files() -> Iterator[Any]:
    """Each study file, and the file of the settings that were read from it."""
    for resolved in sorted((HERE / "study_files").glob("*.json")):
        yield pytest.param(resolved.with_suffix(".toml"), resolved, id=resolved.stem)
    for resolved in sorted((HERE / "studies").rglob("resolved.json")):
        name = "-".join(resolved.parent.relative_to(HERE / "studies").parts)
        yield pytest.param(resolved.with_name("study.toml"), resolved, id=name)


@pytest.mark.parametrize(("study_file", "resolved"), list(study_files()))
def test_a_study_file_has_the_settings_that_it_had(study_file: Path, resolved: Path):
    then = json.loads(resolved.read_text())["study"]
    study = load_study(study_file, [f"name={then['name']}"])
    if study.objective.is_pareto:  # whose default was TPE; a study that was begun keeps it
        assert study_from(then, str(resolved)).search.algorithm == "tpe"
        then["search"]["algorithm"] = "surrogate"
    assert study == study_from(then, str(resolved))
    now = dict(leaves(study.model_dump(mode="json")))
    found = {name: now.get(RENAMED.get(name, name), "absent") for name, _ in leaves(then)}
    assert found == dict(leaves(then))


@pytest.mark.parametrize("name", RECORDS)
def test_records_are_read_as_they_were_written(name: str):
    records = sorted_records(HERE / "studies" / name / "trials.jsonl")
    read = [
        (r.id, str(r.encoder), str(r.decoder), r.state, r.counts.total, r.objective)
        for r in records
    ]
    assert read == list(RECORDS[name])


def test_records_keep_curves_reasons_dynamics_and_proxies():
    kinds = sorted_records(HERE / "studies/kinds/trials.jsonl")
    assert [point.updates for point in kinds[0].curve] == [4, 8, 12]
    assert [point.tokens for point in kinds[0].curve] == [818, 1518, 2275]
    assert kinds[1].reason == "by the scheduler at update 8"
    assert kinds[8].reason == "Diverged: the training loss is nan by update 4"
    assert kinds[0].dynamics["12"]["lyapunov"] == -0.002538388456853176
    assert kinds[8].config.train.lr == 1e38
    front = sorted_records(HERE / "studies/front/trials.jsonl")
    assert [front[0].proxy, front[4].proxy] == [-0.025674041325537647, 0.21981244562584346]
    assert front[0].clock == 1587


def test_the_torn_last_line_of_a_killed_search_is_passed_over():
    path = HERE / "studies/interrupted/trials.jsonl"
    *whole, torn = path.read_text().splitlines()
    assert [json.loads(line)["id"] for line in whole].count(1) > 1
    with pytest.raises(json.JSONDecodeError):
        json.loads(torn)
    assert [point.updates for point in sorted_records(path)[1].curve] == [4, 8, 12, 16]


@pytest.mark.parametrize("name", STUDIES)
def test_show_has_every_old_trial(
    name: str, copied: Callable[[str], StudyFolder], capsys: pytest.CaptureFixture[str]
):
    copied(name)
    shown = json.loads(printed(capsys, "show", name, "--json"))
    rows = [
        (*(trial[key] for key in ("id", "layout", "decoder", "state", "n_params_total")),)
        for trial in shown["trials"]
    ]
    assert rows == [row[:5] for row in RECORDS[name]]
    assert [trial["objective"] for trial in shown["trials"]] == [row[5] for row in RECORDS[name]]
    table = printed(capsys, "show", name)
    assert all(encoder in table for _, encoder, *_ in RECORDS[name])


def test_show_has_the_best_trial_the_front_and_the_confirmation(
    copied: Callable[[str], StudyFolder], capsys: pytest.CaptureFixture[str]
):
    copied("kinds")
    shown = json.loads(printed(capsys, "show", "kinds", "--json"))
    assert shown["best"]["id"] == 5
    assert set(shown["front"]) == {0, 5, 7}
    assert shown["confirm"] is not None
    assert "not significantly better than baseline" in printed(capsys, "show", "kinds")


def test_a_study_with_a_confirmation_is_shown_without_its_data(
    copied: Callable[[str], StudyFolder],
    small_grammar: Path,
    capsys: pytest.CaptureFixture[str],
):
    folder = copied("kinds")
    for resolved in (folder.resolved, folder.confirm.resolved):
        resolved.write_text(resolved.read_text().replace(str(small_grammar), "/gone"))
    assert "not significantly better than baseline" in printed(capsys, "show", "kinds")
    printed(capsys, "report", "kinds")


def test_show_has_the_front_of_two_objectives_and_what_the_proxy_discarded(
    copied: Callable[[str], StudyFolder], capsys: pytest.CaptureFixture[str]
):
    copied("front")
    assert set(json.loads(printed(capsys, "show", "front", "--json"))["front"]) == {2, 4}
    assert "4 of 13 candidates measured were discarded" in printed(capsys, "show", "front")


@pytest.mark.parametrize("name", STUDIES)
def test_a_report_is_written_of_an_old_study(
    name: str, copied: Callable[[str], StudyFolder], capsys: pytest.CaptureFixture[str]
):
    folder = copied(name)
    printed(capsys, "report", name)
    page = (folder.path / "report.html").read_text()
    assert all(encoder in page for _, encoder, *_ in RECORDS[name])


def test_doctor_finds_no_fault_in_an_old_study(
    copied: Callable[[str], StudyFolder], capsys: pytest.CaptureFixture[str]
):
    copied("kinds")
    printed(capsys, "doctor", "kinds")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kept_weights_can_still_be_exported(
    copied: Callable[[str], StudyFolder], capsys: pytest.CaptureFixture[str]
):
    folder = copied("kinds")
    printed(capsys, "export", "kinds", "--trial", "3", "--out", "exported")
    kept = load_file(folder.path / "ray/session-001/trial-0003/checkpoint_000002/best.safetensors")
    exported = load_file(Path("exported/model.safetensors"))
    assert exported.keys() == kept.keys()
    assert all(torch.equal(exported[name], kept[name]) for name in kept)


def test_a_corpus_prepared_now_is_the_one_that_was_prepared_then(small_grammar: Path):
    now = Manifest.load(small_grammar).digest
    assert all(Manifest.load(HERE / "exports" / name).digest == now for name in EXPORTS)


def test_an_old_table_opens_and_is_that_of_the_old_study(
    copied: Callable[[str], StudyFolder],
):
    copied("kinds")
    old, now = open_table(str(HERE / "tables/kinds.jsonl.gz")), open_table("kinds")
    completed = [row[1] for row in RECORDS["kinds"] if row[3] == "completed"]
    assert [str(trial.candidate.encoder) for trial in old.trials] == completed
    assert old.study == now.study
    assert old.corpus == now.corpus
    assert old.by_key.keys() == now.by_key.keys()
    for before, after in zip(old.trials, now.trials, strict=True):
        assert before.counts == after.counts
        assert [point.updates for point in before.curve] == [4, 8, 12]
        assert [point.loss for point in before.curve] == pytest.approx(
            [point.loss for point in after.curve], rel=1e-5
        )


@pytest.mark.parametrize("name", EXPORTS)
def test_an_old_export_translates(name: str):
    sentences = ["Der Mann sieht die Frau.", "", "Sie singt jetzt."]
    first, empty, last = Translator(HERE / "exports" / name).translate(sentences, beam=5)
    assert first
    assert last
    assert empty == ""


@pytest.mark.parametrize("name", EXPORTS)
def test_an_old_export_has_the_parameters_that_it_says(name: str):
    folder = HERE / "exports" / name
    said = tomllib.loads((folder / "layout.toml").read_text())
    export = open_export(folder)
    counts = param_counts(export.config.model, export.task)
    assert {
        "n_params_total": counts.total,
        "n_params_learned": counts.learned,
        "n_params_stored": counts.stored,
        "n_params_encoder": counts.encoder,
    } == {key: value for key, value in said.items() if key.startswith("n_params_")}
    in_file = load_file(folder / "model.safetensors")
    assert sum(weight.numel() for weight in in_file.values()) == said["n_params_stored"]
    assert sum(weight.numel() for weight in export.model.parameters()) == said["n_params_learned"]


@pytest.mark.parametrize("split", ["valid", "test"])
@pytest.mark.parametrize("name", EXPORTS)
def test_an_old_export_has_the_loss_that_it_had(name: str, split: str, small_grammar: Path):
    # Its reservoirs were not stored, so they are drawn again as they were then.
    folder = HERE / "exports" / name
    export = open_export(folder)
    scores = json.loads((folder / "scores.json").read_text())
    loss = loss_in_bits(
        export.model,
        load_task(str(small_grammar)).corpus.split(split),
        label_smoothing=export.config.train.label_smoothing,
    )
    assert loss == pytest.approx(scores[f"loss_{split}"], rel=1e-4)


@torch.no_grad()
def loss_in_bits(model: Any, dataset: LanguagePairDataset, *, label_smoothing: float) -> float:
    """The loss per target token by fairseq's criterion."""
    batch = dataset.collater([dataset[index] for index in range(len(dataset))])
    log_probabilities = torch.log_softmax(model(**batch["net_input"])[0], dim=-1)
    loss, _ = label_smoothed_nll_loss(
        log_probabilities.flatten(0, 1),
        batch["target"].flatten(),
        label_smoothing,
        ignore_index=dataset.tgt_dict.pad(),
    )
    return float(loss) / float(batch["ntokens"]) / math.log(2)


@pytest.mark.parametrize("name", EXPORTS)
def test_fairseq_loads_an_old_export(name: str, small_grammar: Path):
    folder = HERE / "exports" / name
    (loaded,), _, _ = checkpoint_utils.load_model_ensemble_and_task(
        [str(folder / "checkpoint.pt")],
        arg_overrides={"data": str(small_grammar), "user_dir": str(ROOT / "trainable")},
        strict=True,
    )
    ours = open_export(folder).model.state_dict()
    theirs = loaded.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_an_old_checkpoint_loads_into_a_model():
    checkpoint = load_checkpoint(CHECKPOINT)
    record = sorted_records(HERE / "studies/interrupted/trials.jsonl")[1]
    config = record.config
    task = open_export(HERE / "exports/plain").task
    model = task.build_model(config.model, seed=config.seed)
    for weights in (checkpoint.weights, checkpoint.best_weights):
        load_learned_weights(model, weights)
        assert all(torch.equal(weights[name], p) for name, p in model.named_parameters())
    assert checkpoint.curve == record.curve
    assert not checkpoint.finished
    assert checkpoint.freezing is not None
    assert checkpoint.freezing.n_frozen == 0
    optimizer = torch.optim.Adam(model.parameters())
    optimizer.load_state_dict(checkpoint.optimizer)
    assert max(float(state["step"]) for state in optimizer.state_dict()["state"].values()) == 16


def scores(record: TrialRecord) -> list[tuple[int, float]]:
    return [(point.updates, point.score) for point in record.curve]


def searched(folder: StudyFolder) -> list[TrialRecord]:
    """Trials of the search itself: those to compare with come beside them since."""
    return [record for record in sorted_records(folder.trials) if record.reference is None]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_old_study_is_given_one_more_trial(copied: Callable[[str], StudyFolder], tmp_path: Path):
    folder = copied("kinds")
    before = sorted_records(folder.trials)
    done = reservoir_search("resume", "kinds", "--trials", "15", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    after = searched(folder)
    assert len(after) == 15
    assert after[14].state != "running"
    assert after[14].key not in {record.key for record in before}
    for old, new in zip(before, after, strict=False):
        assert old.key == new.key
        if (old.state, new.state) == ("stopped", "completed"):  # trained whole, to compare with
            assert scores(new)[: len(old.curve)] == scores(old)
        else:
            assert (old.curve, old.state) == (new.curve, new.state)
    done = reservoir_search("doctor", "kinds", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_old_interrupted_trial_goes_on_from_its_checkpoint(
    copied: Callable[[str], StudyFolder], tmp_path: Path
):
    folder = copied("interrupted")
    completed, running = sorted_records(folder.trials)
    done = reservoir_search("resume", "interrupted", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    after = searched(folder)
    assert [record.state for record in after] == ["completed"] * 3
    assert after[0].curve == completed.curve
    assert after[1].curve[:4] == running.curve
    assert [point.updates for point in after[1].curve] == list(range(4, 41, 4))
    done = reservoir_search("doctor", "interrupted", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
