"""The Ray Tune trainable around one trial's training.

Rank 0 trains in the trial's own actor, the other ranks in actors of the trial's placement
group. All actors stay alive between trials (``reuse_actors``), so that a new trial needs no
process start, imports or connecting of the ranks.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import ray
import torch
from ray import tune
from ray.tune import PlacementGroupFactory
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from trainable.atomic import write_for_the_owner
from trainable.checkpoint import (
    BrokenCheckpoint,
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from trainable.config import RanksConfig, TrialConfig
from trainable.curve import Point
from trainable.environment_fault import environment_fault, reason_of
from trainable.failed_peers import cause_of, released_if_peers_fail
from trainable.rank_actor import RankActor
from trainable.ranks import Ranks, join_ranks, leave_ranks
from trainable.shipped_corpus import ShippedCorpus, with_data_here
from trainable.training import Training
from trainable.trial_result import trial_result
from trainable.users_folder import scratch_folder

logger = logging.getLogger(__name__)

T = TypeVar("T")


def trial_resources(ranks: RanksConfig) -> PlacementGroupFactory:
    """Placement group of a trial: one bundle per rank, the first for the trial's own actor."""
    bundle = {"CPU": float(ranks.cpus_per_rank)}
    if ranks.gpus_per_rank:
        bundle["GPU"] = ranks.gpus_per_rank
    return PlacementGroupFactory([dict(bundle) for _ in range(ranks.n_ranks)], strategy="PACK")


class ReservoirTrial(tune.Trainable):  # type: ignore[misc]
    """Tune trainable whose steps train to the next validation and report the curve so far.

    ``config`` holds ``trial`` (a ``TrialConfig`` as a dict), ``resume_from`` (a
    checkpoint's path or URL, or None) and, of a trial that is tried again, ``wait_s``. If the
    layout is at fault (the loss diverges, the model is too large, its settings are wrong),
    the trial reports ``failure`` and ends, so that Tune does not retry it. If the environment
    is, or a process dies, an error is raised, and Tune restarts the trial.
    """

    def setup(self, config: dict[str, Any], corpus: ShippedCorpus | None = None) -> None:
        write_for_the_owner()  # a cluster's Ray has the umask of who started it
        self._corpus = corpus
        ranks = TrialConfig.model_validate(config["trial"]).ranks
        torch.set_num_threads(ranks.cpus_per_rank)
        self._connect_ranks(ranks)
        self._begin(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Prepare the next trial, with new peers if the last trial's are unusable."""
        if not self._ranks_are_well:
            self.cleanup()
            self._connect_ranks(self._config.ranks)
        self._begin(new_config)
        return True

    def step(self) -> dict[str, Any]:
        self._attempt(self._advance)
        if self._fault is not None:
            raise self._fault
        if self._failure is not None:
            return {"failure": self._failure, "done": True}
        return self._result

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        if self._training is not None and self._training.curve:
            save_checkpoint(self._training.checkpoint(), Path(checkpoint_dir))

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        """Go on from Tune's checkpoint; from ``resume_from``, an older one, if it is broken."""
        if not any(Path(checkpoint_dir).iterdir()):
            return
        try:
            checkpoint = load_checkpoint(Path(checkpoint_dir))
        except BrokenCheckpoint as error:
            logger.warning("the trial goes on from an older checkpoint: %s", error)
            return
        self._attempt(lambda: self._start_training(checkpoint))

    def cleanup(self) -> None:
        self._forget_training()
        leave_ranks()
        for peer in self._peers:
            ray.kill(peer)
        self._meeting.close()

    def _connect_ranks(self, ranks: RanksConfig) -> None:
        self._peers = _start_peers(ranks, self._corpus)
        # Private, and for as long as the ranks are connected, since NCCL connects later.
        self._meeting = ExitStack()
        self._ranks = _meet(self._peers, ranks, self._meeting.enter_context(scratch_folder()))
        self._ranks_are_well = True

    def _begin(self, config: dict[str, Any]) -> None:
        self._forget_training()
        self._failure: str | None = None
        self._fault: Exception | None = None  # of the environment; raised by the next step
        time.sleep(config.get("wait_s", 0.0))
        self._config = TrialConfig.model_validate(config["trial"])
        resume_from = config["resume_from"]
        self._attempt(
            lambda: self._start_training(
                None if resume_from is None else _stored_checkpoint(resume_from)
            )
        )

    def _forget_training(self) -> None:
        """Free a trial's model, which its iterator holds too, before another one is built."""
        self._training: Training | None = None
        self._points: Iterator[Point] = iter(())
        self._result: dict[str, Any] = {}

    def _start_training(self, checkpoint: Checkpoint | None) -> None:
        self._with_peers(lambda: self._make_training(checkpoint), "begin", self._config, checkpoint)

    def _make_training(self, checkpoint: Checkpoint | None) -> None:
        trial = with_data_here(self._config, self._corpus)
        self._training = Training(trial, ranks=self._ranks, checkpoint=checkpoint)
        self._points = self._training.points()

    def _advance(self) -> None:
        self._with_peers(lambda: next(self._points, None), "advance")
        assert self._training is not None
        self._result = _result(self._training)

    def _with_peers(self, work: Callable[[], T], method: str, *args: Any) -> T:
        """Run ``work`` here while the other ranks run ``method``; raise a failure of any rank."""
        pending = [getattr(peer, method).remote(*args) for peer in self._peers]
        try:
            with released_if_peers_fail(self._peers, pending):
                done = work()
        except BaseException as error:
            cause = cause_of(error, pending)
            if cause is error:
                raise
            raise cause from None
        ray.get(pending)
        return done

    def _attempt(self, work: Callable[[], None]) -> None:
        """Run ``work``; an error becomes the trial's failure, or the environment's fault.

        If a rank died, its error is raised at once. After a failure nothing more is run, since
        other ranks may still wait in a collective of the failed work.
        """
        if self._failure is not None or self._fault is not None:
            return
        try:
            work()
        except (ray.exceptions.RayActorError, KeyboardInterrupt, SystemExit):
            raise
        except Exception as error:
            logger.warning("trial failed", exc_info=True)
            if environment_fault(error) is None:
                self._failure = reason_of(error)
            else:
                self._fault = error
            self._ranks_are_well = not self._peers
            self._forget_training()


def _stored_checkpoint(address: str) -> Checkpoint:
    """Checkpoint at a path, or at a URL that pyarrow can read.

    Raises:
        BrokenCheckpoint: a file is missing, cut short or changed.
    """
    with tune.Checkpoint(address).as_directory() as folder:
        return load_checkpoint(Path(folder))


def _result(training: Training) -> dict[str, Any]:
    return trial_result(
        training.curve,
        area=training.aucc(),
        objective=training.config.objective,
        counts=training.counts,
        finished=training.finished,
        n_epochs=training.n_epochs,
        peak_memory_bytes=training.peak_memory_bytes,
        warmup_s=training.warmup_s,
        dynamics=training.dynamics,
        teacher=training.teacher_cost,
    )


def _start_peers(ranks: RanksConfig, corpus: ShippedCorpus | None) -> list[Any]:
    group = ray.util.get_current_placement_group()
    actor = ray.remote(RankActor)
    return [
        actor.options(
            num_cpus=ranks.cpus_per_rank,
            num_gpus=ranks.gpus_per_rank,
            scheduling_strategy=PlacementGroupSchedulingStrategy(
                placement_group=group, placement_group_bundle_index=rank
            ),
        ).remote(rank, ranks.n_ranks, ranks.cpus_per_rank, corpus)
        for rank in range(1, ranks.n_ranks)
    ]


def _meet(peers: list[Any], ranks: RanksConfig, folder: Path) -> Ranks:
    """Connect the ranks: by a file in ``folder`` on one machine, else by a port of this one."""
    backend = "nccl" if ranks.gpus_per_rank else "gloo"
    if not peers:
        return Ranks()
    if _are_on_one_machine():
        # Anyone who reaches a port could read and change what the ranks write there.
        return _join(peers, address=str(folder / "store"), backend=backend)
    with socket.create_server((ray.util.get_node_ip_address(), 0)) as server:
        host, port = server.getsockname()
        return _join(peers, address=f"{host}:{port}", backend=backend, server=server)


def _join(
    peers: list[Any], *, address: str, backend: str, server: socket.socket | None = None
) -> Ranks:
    pending = [peer.join.remote(address, backend) for peer in peers]
    with released_if_peers_fail(peers, pending):
        me = join_ranks(
            rank=0, n_ranks=len(peers) + 1, address=address, backend=backend, server=server
        )
    ray.get(pending)
    return me


def _are_on_one_machine() -> bool:
    table = ray.util.placement_group_table(ray.util.get_current_placement_group())
    return len(set(table["bundles_to_node_id"].values())) == 1
