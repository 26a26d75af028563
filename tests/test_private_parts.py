"""Each part that we use of other libraries beyond their documented interface is there and works.

When an upgrade breaks a test here, the docstring of the part, in trainable/private,
says what to do.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import mlflow.cli
import mlflow.environment_variables
import optuna
import pytest
import ray
import torch
from fairseq import options as fairseq_command_line
from fairseq.dataclass import FairseqDataclass
from fairseq.models.transformer import TransformerDecoderBase as Decoder
from fairseq.models.transformer import TransformerEncoderBase as Encoder
from fairseq.models.transformer import TransformerModelBase
from fairseq.sequence_generator import EnsembleModel
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from ray._private.authentication import authentication_token_setup
from ray.tune.execution import class_cache, experiment_state, tune_controller
from ray.tune.schedulers import AsyncHyperBandScheduler, MedianStoppingRule, TrialScheduler
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

import trainable
from tests.ports import free_port
from tests.private_uses import DOCUMENTED_VARIABLES
from trainable.fairseq_checkpoint import fairseq_config
from trainable.private.fairseq import TransformerDecoderLayerBase as DecoderLayer
from trainable.private.fairseq import TransformerEncoderLayerBase as EncoderLayer
from trainable.private.fairseq import registered_name, without_private
from trainable.private.mlflow import (
    move_artifacts,
    runs_page,
    server_environment,
    store_in_use,
    view_tag,
)
from trainable.private.optuna import open_again, whole_lines
from trainable.private.ray import (
    GREETING,
    OVERRIDE_JOBS_ENVIRONMENT,
    WITHOUT_METRICS,
    cluster_at,
    in_folder,
    on_loopback,
    take_up_token,
)
from trainable.private.torch import leave_to_each_rank, use_replaced_weights
from trainable.private.tune import (
    FAILURES_LOGGER,
    SETTINGS,
    TensorBoardLogs,
    clock_of,
    keep_keys_off_command_lines,
    keep_last_errors,
    last_error,
    leave_out_snapshots,
    results_of,
    trial_stub,
)

# Ray


def test_within_on_loopback_rays_own_address_is_that_of_loopback():
    before = ray.util.get_node_ip_address()
    with on_loopback():
        assert ray.util.get_node_ip_address() == "127.0.0.1"
    assert ray.util.get_node_ip_address() == before


def test_ray_has_the_option_for_its_folder(tmp_path: Path):
    (name,) = in_folder(tmp_path)
    assert f'kwargs.pop("{name}"' in inspect.getsource(ray.init)


def test_ray_says_which_cluster_an_address_means(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAY_ADDRESS", "10.1.2.3:6379")
    assert cluster_at("auto") == "10.1.2.3:6379"
    assert cluster_at("10.4.5.6:1234") == "10.4.5.6:1234"
    assert cluster_at("local") is None


def test_a_chosen_way_to_authenticate_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    take_up_token()
    assert not authentication_token_setup.maybe_enable_token_auth_if_token_available()


def test_rays_token_is_where_we_hide_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    default = authentication_token_setup._get_default_token_path()
    assert default == tmp_path / ".ray/auth_token"


def test_the_greeting_waits_for_a_cluster_at_its_address():
    """Until it is ended: Ray first says after five seconds that nobody answers."""
    nowhere = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-c", GREETING, nowhere]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as greeting:
        assert greeting.stderr is not None
        assert f"at address {nowhere}" in greeting.stderr.readline()
        greeting.kill()


def test_ray_reads_the_variables_that_we_set():
    folder = Path(ray.__path__[0])
    sources = [
        *(folder / "_private").glob("*.py"),
        *(folder / "_common/usage").glob("*.py"),
        *(folder / "tune").rglob("*.py"),
        folder / "core/src/ray/raylet/raylet",
    ]
    read = b"\n".join(source.read_bytes() for source in sources)
    ours = {name for name in DOCUMENTED_VARIABLES if name.startswith("RAY_")}
    for name in [*WITHOUT_METRICS, *OVERRIDE_JOBS_ENVIRONMENT, *SETTINGS, *ours]:
        assert name.encode() in read, name


# Ray Tune


def test_tune_tells_of_failures_by_the_logger_that_we_shorten():
    assert tune_controller.logger.name == FAILURES_LOGGER


def test_no_checkpoint_of_a_trial_makes_tune_save_its_own_state(monkeypatch: pytest.MonkeyPatch):
    manager_class = experiment_state._ExperimentCheckpointManager
    monkeypatch.setattr(manager_class, "on_trial_checkpoint", manager_class.on_trial_checkpoint)
    monkeypatch.setenv("TUNE_GLOBAL_CHECKPOINT_S", "auto")
    leave_out_snapshots()
    manager = manager_class(
        storage=None, checkpoint_period=float("inf"), sync_every_n_trial_checkpoints=1
    )
    manager.on_trial_checkpoint(trial_stub("one"))
    assert not manager._should_force_sync_up
    controller = inspect.getsource(tune_controller.TuneController)
    assert "_checkpoint_manager.on_trial_checkpoint(trial)" in controller
    assert 'os.getenv("TUNE_GLOBAL_CHECKPOINT_S"' in controller


def test_tunes_controller_keeps_each_trials_last_error(monkeypatch: pytest.MonkeyPatch):
    controller_class = tune_controller.TuneController
    process = controller_class._process_trial_failure
    monkeypatch.setattr(controller_class, "_process_trial_failure", process)
    keep_last_errors()
    controller = controller_class.__new__(controller_class)
    controller._resetting_trials, controller._has_errored = set(), False
    trial, error = trial_stub("one"), OSError("gone")
    trial.set_status("TERMINATED")  # so that Tune has nothing to do for it
    monkeypatch.setattr(trial, "handle_error", lambda _error: None)  # which writes files
    controller._process_trial_failure(trial, exception=error)
    assert last_error(trial) is error


def test_no_key_of_aws_is_handed_to_a_trials_process(monkeypatch: pytest.MonkeyPatch):
    names = {"AWS_SECRET_ACCESS_KEY", "RAY_CHDIR_TO_TRIAL_DIR"}
    monkeypatch.setattr(class_cache, "ENV_VARS_TO_PROPAGATE", names)
    for name in names:
        monkeypatch.setenv(name, "1")

    def handed() -> set[str]:
        actor = class_cache._ActorClassCache().get(type("Trial", (), {}))
        return names & actor._default_options["runtime_env"]["env_vars"].keys()

    assert handed() == names
    keep_keys_off_command_lines()
    assert handed() == {"RAY_CHDIR_TO_TRIAL_DIR"}


class TrialWithFolder:
    """Attributes of a trial that Ray's loggers read."""

    evaluated_params: None = None

    def __init__(self, folder: Path) -> None:
        self.local_path = str(folder)

    def init_local_path(self) -> None:
        """Nothing to do: the folder is not used."""


def test_rays_tensorboard_logger_writes_where_and_what_we_choose(tmp_path: Path):
    trial = TrialWithFolder(tmp_path / "scratch/trial-0001")
    logs = TensorBoardLogs(str(tmp_path / "ours"), lambda result: result.get("values", {}))
    logs.log_trial_start(trial)
    logs.log_trial_result(1, trial, {"values": {"updates": 7, "score": 2.5}, "other": 1})
    logs.log_trial_result(2, trial, {"failure": "none"})
    logs.log_trial_end(trial)
    (file,) = (tmp_path / "ours/trial-0001").iterdir()
    assert b"ray/tune/score" in file.read_bytes()
    assert b"other" not in file.read_bytes()
    assert not (tmp_path / "scratch").exists()


def test_asha_takes_a_trial_of_no_experiment():
    rungs = AsyncHyperBandScheduler(
        time_attr="updates", metric="objective", mode="max", max_t=9, grace_period=3
    )
    for name, objective in (("good", 9.0), ("bad", 1.0)):
        trial = trial_stub(name)
        rungs.on_trial_add(None, trial)
        decision = rungs.on_trial_result(None, trial, {"updates": 3, "objective": objective})
        is_good = name == "good"
        assert decision == (TrialScheduler.CONTINUE if is_good else TrialScheduler.STOP)


def test_the_median_rule_compares_with_results_that_are_added():
    rule = MedianStoppingRule(
        time_attr="updates", metric="objective", mode="max", grace_period=0, min_samples_required=1
    )
    assert clock_of(rule) == "updates"
    results_of(rule, trial_stub("recorded")).append({"updates": 3, "objective": 9.0})
    trial = trial_stub("new")
    result = {"updates": 3, "objective": 1.0}
    assert rule.on_trial_result(None, trial, result) == TrialScheduler.STOP
    assert results_of(rule, trial) == [result]


# Optuna


def journal_study(path: Path) -> optuna.Study:
    return optuna.create_study(
        study_name="study",
        storage=JournalStorage(JournalFileBackend(str(path))),
        load_if_exists=True,
    )


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_running_trial_of_an_earlier_process_can_be_added_to(tmp_path: Path):
    journal_study(tmp_path / "log").ask().suggest_float("x", 0, 1)
    later = journal_study(tmp_path / "log")
    (running,) = later.get_trials(deepcopy=False)
    trial = open_again(later, running)
    trial.report(0.5, step=3)
    trial.set_constraint("bounds", 1.0)
    later.tell(trial, state=optuna.trial.TrialState.PRUNED)
    (ended,) = journal_study(tmp_path / "log").trials
    assert (ended.number, ended.value, ended.intermediate_values) == (0, 0.5, {3: 0.5})


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_journal_can_be_cut_off_behind_any_line(tmp_path: Path):
    journal_study(tmp_path / "log").ask().suggest_float("x", 0, 1)
    whole = (tmp_path / "log").read_bytes()
    assert whole_lines(whole) == whole
    assert whole_lines(b"torn") == b""
    ends = [place + 1 for place, byte in enumerate(whole) if byte == ord("\n")]
    n_trials = []
    for end in ends:
        torn = whole_lines(whole[:end] + b'{"op_code": 5, "wor')
        assert torn == whole[:end]
        (tmp_path / f"torn{end}").write_bytes(torn)
        n_trials.append(len(journal_study(tmp_path / f"torn{end}").trials))
    assert n_trials == sorted(n_trials)
    assert n_trials[-1] == 1


# MLflow


def test_mlflow_knows_the_variables_that_we_set():
    options = {option.envvar for option in mlflow.cli.server.params}
    ours = {name for name in DOCUMENTED_VARIABLES if name.startswith("MLFLOW_")}
    for name in {*server_environment("sqlite://"), *ours} - options:
        assert getattr(mlflow.environment_variables, name).name == name


def test_mlflow_reads_artifacts_where_they_were_moved_to(tmp_path: Path):
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client, before, now = mlflow.MlflowClient(store), tmp_path / "a b", tmp_path / "c"
    experiment = client.create_experiment("moved", artifact_location=before.as_uri())
    moved, stayed, empty = (client.create_run(experiment).info.run_id for _ in range(3))
    for run_id in (moved, stayed):
        client.log_text(run_id, "words", "file.txt")
    model = client.create_logged_model(experiment).model_id
    client.create_registered_model("model")
    with store_in_use(store):
        client.create_model_version("model", f"models:/{model}", model_id=model)
    now.mkdir()
    (before / moved).rename(now / moved)
    move_artifacts(store, experiment, before=before.as_uri(), now=now.as_uri())
    client = mlflow.MlflowClient(store)  # the first one remembers the old addresses
    assert client.get_experiment(experiment).artifact_location == now.as_uri()
    client.log_text(empty, "words", "file.txt")
    for run_id, place in ((moved, now), (stayed, before), (empty, now)):
        assert client.get_run(run_id).info.artifact_uri.startswith(place.as_uri())
        assert [item.path for item in client.list_artifacts(run_id)] == ["file.txt"]
    place = client.get_logged_model(model).artifact_location
    assert place.startswith(now.as_uri())
    assert client.get_model_version_download_uri("model", "1") == place


@pytest.mark.parametrize("before", ["http://127.0.0.1:5000", None])
def test_mlflows_store_is_another_only_for_a_time(
    before: str | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if before is not None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", before)
    default = mlflow.get_tracking_uri()
    with store_in_use("sqlite:///other.db"):
        assert mlflow.get_tracking_uri() == "sqlite:///other.db"
    assert os.environ.get("MLFLOW_TRACKING_URI") == before
    assert mlflow.get_tracking_uri() == default


def test_mlflows_page_has_the_addresses_that_we_print():
    scripts = Path(mlflow.__path__[0], "server/js/build/static/js").glob("*.js")
    page = "\n".join(script.read_text(encoding="utf-8") for script in scripts)
    assert runs_page("BASE", "7") == "BASE/#/experiments/7/runs?workflowType=machine_learning"
    assert '"workflowType"' in page
    assert '"machine_learning"' in page
    assert '"Model training"' in page  # the menu that ``ui`` names
    assert runs_page("BASE", "7", view="mine", charts=True) == (
        "BASE/#/experiments/7/runs?workflowType=machine_learning"
        "&compareRunsMode=CHART&viewStateShareKey=mine"
    )
    assert '"compareRunsMode"' in page
    assert '"viewStateShareKey"' in page


def test_mlflows_page_has_every_part_of_the_view_that_we_save():
    scripts = Path(mlflow.__path__[0], "server/js/build/static/js").glob("*.js")
    page = "\n".join(script.read_text(encoding="utf-8") for script in scripts)
    tag, value = view_tag("mine", runs="", order="best", columns=[], axes=["metrics.`best`"])
    assert f'"{tag.removesuffix("mine")}"' in page
    view = json.loads(value)
    (chart,), (section,) = view["compareRunCharts"], view["compareRunSections"]
    assert chart["selectedMetrics"] == ["best"]
    for name in {*view, *chart, *section} - {"uuid", "type", "name", "display"}:
        assert re.search(rf"\b{name}\b", page), name
    assert '"SHOW_ALL"' in page
    assert '"PARALLEL"' in page


# torch


@pytest.fixture
def lone_rank(tmp_path: Path):
    distributed.init_process_group(
        "gloo", store=distributed.FileStore(str(tmp_path / "store"), 1), rank=0, world_size=1
    )
    yield
    distributed.destroy_process_group()


def test_what_is_left_to_each_rank_is_not_sent(lone_rank):
    model = nn.Linear(2, 2)
    model.register_buffer("drawn", torch.ones(2), persistent=False)
    model.register_buffer("sent", torch.ones(2))
    leave_to_each_rank(model, ["drawn"])
    parallel = DistributedDataParallel(model)
    assert set(parallel.parameters_to_ignore) == {"drawn"}
    assert list(parallel.named_module_buffers) == ["sent"]


def test_a_recurrent_layer_computes_with_replaced_weights():
    rnn, x = nn.GRU(3, 2), torch.ones(4, 1, 3)
    for name, parameter in list(rnn.named_parameters()):
        delattr(rnn, name)
        rnn.register_buffer(name, torch.zeros_like(parameter))
    use_replaced_weights(rnn)
    assert rnn(x)[0].abs().max() == 0
    rnn.weight_ih_l0.fill_(1.0)
    assert rnn(x)[0].abs().max() > 0


# fairseq

CALLERS = [
    (TransformerModelBase, "add_args", fairseq_command_line.parse_args_and_arch),
    (TransformerModelBase, "build_embedding", TransformerModelBase.build_model),
    (TransformerModelBase, "build_encoder", TransformerModelBase.build_model),
    (TransformerModelBase, "build_decoder", TransformerModelBase.build_model),
    (Encoder, "forward_scriptable", Encoder.forward),
    (Decoder, "extract_features_scriptable", Decoder.extract_features),
    (Decoder, "reorder_incremental_state_scripting", EnsembleModel.reorder_incremental_state),
    (EncoderLayer, "build_self_attention", EncoderLayer.__init__),
    (DecoderLayer, "build_self_attention", DecoderLayer.__init__),
    (DecoderLayer, "build_encoder_attention", DecoderLayer.__init__),
]


@pytest.fixture(scope="module")
def our_classes() -> list[type]:
    names = [found.name for found in pkgutil.walk_packages(trainable.__path__, "trainable.")]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    return [each for module in modules for each in vars(module).values() if isinstance(each, type)]


@pytest.mark.parametrize(("base", "name", "caller"), CALLERS)
def test_fairseq_calls_the_methods_that_we_override(
    base: type, name: str, caller: Callable[..., Any], our_classes: list[type]
):
    assert callable(getattr(base, name))
    assert name in caller.__code__.co_names
    overriding = [ours for ours in our_classes if issubclass(ours, base) and name in vars(ours)]
    assert overriding, f"nothing of ours overrides {name} any more: take it out of this list"


def test_fairseqs_configuration_tells_what_was_chosen():
    config = fairseq_config(
        ["data", "--arch", "transformer", "--optimizer", "adam", "--criterion", "cross_entropy"]
    )
    assert registered_name(config, "criterion") == "cross_entropy"
    assert registered_name(config, "optimizer") == "adam"


def test_fairseqs_private_options_are_left_out():
    names = FairseqDataclass.__dataclass_fields__
    assert "_name" in names
    assert without_private({"_name": None, "dropout": 0.1}) == {"dropout": 0.1}
