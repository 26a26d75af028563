"""The Tune trainable as Tune drives it: in a Ray actor, step by step, trial after trial."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from spaces.errors import DamagedData
from trainable.checkpoint import BrokenCheckpoint
from trainable.config import RanksConfig, TrialConfig
from trainable.curve import Point
from trainable.training import run_trial
from trainable.tune_trainable import ReservoirTrial, trial_resources
from trainable.users_folder import users_folder

ROOT = Path(__file__).resolve().parents[2]
# What Tune itself needs to hear of a step, beside what a record is made of.
RESULT = {
    *("updates", "seconds", "tokens", "flops", "score", "loss", "train_loss", "done"),
    *("curve", "finished", "failure", "aucc", "objective", "n_epochs", "peak_memory_bytes", "host"),
    "warmup_s",
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A Ray of two CPUs, whatever else runs here; four actors fit where each takes half."""
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": str(ROOT)}},
    )
    yield
    ray.shutdown()


def settings(trial: TrialConfig, resume_from: Path | None = None) -> dict[str, Any]:
    return {
        "trial": trial.model_dump(mode="json"),
        "resume_from": None if resume_from is None else str(resume_from),
    }


def on_updates(curve: Any) -> list[dict[str, float]]:
    points = [point.to_dict() if isinstance(point, Point) else point for point in curve]
    return [{name: v for name, v in point.items() if name != "seconds"} for point in points]


def steps(trial: ReservoirTrial) -> list[dict[str, Any]]:
    """Train to the end."""
    results = [trial.train()]
    while not results[-1]["done"]:
        results.append(trial.train())
    return results


def diverging(trial: TrialConfig) -> TrialConfig:
    train = trial.train.model_copy(update={"lr": 1e38})
    return trial.model_copy(update={"train": train})


@pytest.mark.usefixtures("cluster")
def test_each_step_is_a_validation_and_the_last_one_says_done(tiny_trial: TrialConfig):
    trial = ReservoirTrial(settings(tiny_trial))
    results = steps(trial)
    assert [result["updates"] for result in results] == [4, 8, 12]
    assert [result["done"] for result in results] == [False, False, True]
    assert all(result.keys() >= RESULT for result in results)
    alone = run_trial(tiny_trial, report=lambda point: None)
    assert on_updates(results[-1]["curve"]) == on_updates(alone.curve)
    assert results[-1]["aucc"] == alone.aucc()
    trial.stop()


@pytest.mark.usefixtures("cluster")
def test_a_reused_actor_trains_as_a_fresh_one_does(tiny_trial: TrialConfig):
    other = tiny_trial.model_copy(update={"seed": 6})
    trial = ReservoirTrial(settings(other))
    trial.train()
    assert trial.reset(settings(tiny_trial))
    alone = run_trial(tiny_trial, report=lambda point: None)
    assert on_updates(steps(trial)[-1]["curve"]) == on_updates(alone.curve)
    trial.stop()


@pytest.mark.usefixtures("cluster")
def test_a_trial_restored_from_its_checkpoint_gives_the_unbroken_curve(
    tiny_trial: TrialConfig, tmp_path: Path
):
    trial = ReservoirTrial(settings(tiny_trial))
    trial.train()
    trial.save(str(tmp_path))
    unbroken = on_updates(steps(trial)[-1]["curve"])
    by_tune = ReservoirTrial(settings(tiny_trial))
    by_tune.restore(str(tmp_path))
    assert on_updates(steps(by_tune)[-1]["curve"]) == unbroken
    by_us = ReservoirTrial(settings(tiny_trial, tmp_path))
    results = steps(by_us)
    assert [result["updates"] for result in results] == [8, 12]
    assert on_updates(results[-1]["curve"]) == unbroken


@pytest.mark.usefixtures("cluster")
def test_a_trial_killed_after_its_last_validation_only_reports_it_again(
    tiny_trial: TrialConfig, tmp_path: Path
):
    trial = ReservoirTrial(settings(tiny_trial))
    last = steps(trial)[-1]
    trial.save(str(tmp_path))
    (again,) = steps(ReservoirTrial(settings(tiny_trial, tmp_path)))
    assert (again["done"], again["finished"], again["curve"]) == (True, True, last["curve"])


@pytest.mark.usefixtures("cluster")
def test_a_trial_that_diverges_reports_why_and_its_actor_trains_on(tiny_trial: TrialConfig):
    trial = ReservoirTrial(settings(diverging(tiny_trial)))
    (result,) = steps(trial)
    assert result["failure"].startswith("Diverged: the training loss is")
    trial.reset(settings(tiny_trial))
    assert steps(trial)[-1]["finished"]


@pytest.mark.usefixtures("cluster")
def test_a_trial_whose_data_are_gone_raises_for_tune_which_tries_it_again(
    tiny_trial: TrialConfig,
):
    trial = ReservoirTrial(settings(tiny_trial.model_copy(update={"data": "/nowhere"})))
    with pytest.raises(DamagedData, match="/nowhere"):
        trial.train()


@pytest.mark.usefixtures("cluster")
def test_a_checkpoint_that_is_gone_is_no_failure_of_the_trial(
    tiny_trial: TrialConfig, tmp_path: Path
):
    trial = ReservoirTrial(settings(tiny_trial, tmp_path))
    with pytest.raises(BrokenCheckpoint):
        trial.train()


@pytest.mark.usefixtures("cluster")
def test_the_folder_in_which_ranks_meet_tells_whose_it_is_and_goes_with_the_actor(
    tiny_trial: TrialConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("trainable.users_folder._TMP", tmp_path)
    trial = ReservoirTrial(settings(tiny_trial))
    (folder,) = users_folder().iterdir()
    assert f"_{os.getpid()}_" in folder.name  # by which the next command removes a killed one's
    trial.stop()
    assert not list(users_folder().iterdir())


@pytest.mark.usefixtures("cluster")
def test_a_trial_that_is_tried_again_waits_before_it_begins(tiny_trial: TrialConfig):
    started = time.monotonic()
    ReservoirTrial({**settings(tiny_trial.model_copy(update={"data": "/no"})), "wait_s": 0.5})
    assert time.monotonic() - started > 0.5


@pytest.mark.usefixtures("cluster")
def test_a_trial_that_never_reached_a_validation_saves_nothing_and_starts_anew(
    tiny_trial: TrialConfig, tmp_path: Path
):
    trial = ReservoirTrial(settings(tiny_trial))
    trial.save_checkpoint(str(tmp_path))
    assert not any(tmp_path.iterdir())
    trial.load_checkpoint(str(tmp_path))
    assert trial.train()["updates"] == 4


@pytest.mark.usefixtures("cluster")
def test_a_trial_whose_newest_checkpoint_is_broken_goes_on_from_the_older_one(
    tiny_trial: TrialConfig, tmp_path: Path
):
    before = ReservoirTrial(settings(tiny_trial))
    folders = [tmp_path / "older", tmp_path / "newest"]
    for folder in folders:
        folder.mkdir()
        before.train()
        before.save_checkpoint(str(folder))
    os.truncate(folders[1] / "weights.safetensors", 9)
    after = ReservoirTrial(settings(tiny_trial, folders[0]))
    after.load_checkpoint(str(folders[1]))  # as Tune does, which knows of no other
    results = steps(after)
    assert results[0]["updates"] == 8
    assert on_updates(results[-1]["curve"]) == on_updates(steps(before)[-1]["curve"])


def fail_next(rank: Any) -> None:
    """Make the next step of ``rank`` fail while what it trains is still held, as by a traceback."""
    rank.held = rank._points

    def failing() -> Iterator[Point]:
        raise ZeroDivisionError("of one rank alone")
        yield

    rank._points = failing()


class PeerProcesses(ReservoirTrial):
    """Tells which process each of its peers is, and makes one rank fail."""

    def peers(self) -> list[int]:
        return [ray.get(peer.__ray_call__.remote(lambda _: os.getpid())) for peer in self._peers]

    def fail_alone(self, rank: int) -> None:
        if rank == 0:
            fail_next(self)
        else:
            ray.get(self._peers[rank - 1].__ray_call__.remote(fail_next))


@pytest.fixture
def two_ranks(cluster: None, tiny_trial: TrialConfig) -> Iterator[tuple[Any, TrialConfig]]:
    """A trial of two ranks without dropout, in a placement group as Tune makes it."""
    model = tiny_trial.model.model_copy(update={"dropout": 0.0})
    trial = tiny_trial.model_copy(update={"ranks": RanksConfig(n_ranks=2), "model": model})
    group = placement_group([dict(bundle) for bundle in trial_resources(trial.ranks).bundles])
    ray.get(group.ready(), timeout=60)
    strategy = PlacementGroupSchedulingStrategy(
        placement_group=group,
        placement_group_bundle_index=0,
        placement_group_capture_child_tasks=True,
    )
    actor = ray.remote(PeerProcesses).options(num_cpus=1, scheduling_strategy=strategy)
    handle = actor.remote(settings(trial))
    yield handle, trial
    ray.kill(handle)
    remove_placement_group(group)


def all_steps(actor: Any) -> list[dict[str, Any]]:
    results = [ray.get(actor.train.remote(), timeout=120)]
    while not results[-1]["done"]:
        results.append(ray.get(actor.train.remote(), timeout=120))
    return results


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_ranks_give_the_curve_of_one_and_the_peer_is_reused(
    two_ranks: tuple[Any, TrialConfig],
):
    actor, trial = two_ranks
    alone = run_trial(trial.model_copy(update={"ranks": RanksConfig()}), report=lambda point: None)
    peers = ray.get(actor.peers.remote())
    for _ in range(2):
        together = all_steps(actor)[-1]["curve"]
        assert [point["loss"] for point in together] == pytest.approx(
            [point.loss for point in alone.curve], rel=1e-4
        )
        started = time.monotonic()
        assert ray.get(actor.reset.remote(settings(trial)))
        assert time.monotonic() - started < 0.5
    assert ray.get(actor.peers.remote()) == peers


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_ranks_that_diverge_say_so_and_new_peers_train_on(two_ranks: tuple[Any, TrialConfig]):
    actor, trial = two_ranks
    ray.get(actor.reset.remote(settings(diverging(trial))))
    (result,) = all_steps(actor)
    assert result["failure"].startswith("Diverged: the training loss is")
    ray.get(actor.reset.remote(settings(trial)), timeout=120)
    assert all_steps(actor)[-1]["finished"]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_fails_alone_ends_the_trial_at_once_and_says_why(
    rank: int, two_ranks: tuple[Any, TrialConfig]
):
    actor, trial = two_ranks
    ray.get(actor.train.remote())
    ray.get(actor.fail_alone.remote(rank))
    # The other rank waits in a collective, whose time-out is 20 minutes.
    result = ray.get(actor.train.remote(), timeout=30)
    assert result["failure"] == "ZeroDivisionError: of one rank alone"
    ray.get(actor.reset.remote(settings(trial)), timeout=120)
    assert all_steps(actor)[-1]["finished"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_peer_is_an_error_for_tune_and_no_failure_of_the_trials(
    two_ranks: tuple[Any, TrialConfig],
):
    actor, _ = two_ranks
    ray.get(actor.train.remote())
    (peer,) = ray.get(actor.peers.remote())
    os.kill(peer, signal.SIGKILL)
    # Tune restarts a trial whose step raises, and believes one that reports a failure.
    with pytest.raises(ray.exceptions.RayTaskError, match=r"ActorDiedError|RayActorError"):
        ray.get(actor.train.remote(), timeout=120)
