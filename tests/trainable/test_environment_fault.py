"""Faults of the environment are told from those of a layout, for each kind of error."""

from __future__ import annotations

import errno
import pickle
from pathlib import Path

import pytest
import torch
from ray import exceptions
from torch import distributed

from spaces.errors import UserError
from trainable.checkpoint import BrokenCheckpoint, load_checkpoint
from trainable.config import TrialConfig
from trainable.environment_fault import EnvironmentFault, environment_fault, reason_of
from trainable.tasks.registry import load_task
from trainable.training import Diverged

ACTOR_IS_GONE = (
    "The actor died unexpectedly before finishing this task.\n\tclass_name: ReservoirTrial\n"
)


def gpu_message(*, asked: str, free: str, allocated: str, unallocated: str = "1.00 GiB") -> str:
    """What torch says of a GPU of 79 GiB."""
    return (
        f"CUDA out of memory. Tried to allocate {asked}. GPU 0 has a total capacity of 79.11 GiB "
        f"of which {free} is free. Including non-PyTorch memory, this process has 9.00 GiB memory "
        f"in use. Of the allocated memory {allocated} is allocated by PyTorch, and {unallocated} "
        "is reserved by PyTorch but unallocated. If reserved but unallocated memory is large try"
    )


def raised_in_a_task(cause: Exception) -> Exception:
    """As Ray hands over an error of a remote call."""
    error: Exception = exceptions.RayTaskError("step", "Traceback", cause).as_instanceof_cause()
    return error


OF_THE_ENVIRONMENT = [
    (FileNotFoundError(errno.ENOENT, "No such file or directory", "data/valid.raw.en"), "files"),
    (PermissionError(errno.EACCES, "Permission denied"), "files"),
    (OSError(errno.EIO, "Input/output error"), "files"),
    (OSError(errno.ESTALE, "Stale file handle"), "files"),
    (BrokenCheckpoint("weights.safetensors changed since it was written"), "files"),
    (OSError(errno.ENOSPC, "No space left on device"), "disk"),
    (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk"),
    (exceptions.OutOfDiskError("the disk is over 95% full"), "disk"),
    (MemoryError(), "memory"),
    (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory"),
    (exceptions.OutOfMemoryError("1 worker was killed due to the node running low"), "memory"),
    (exceptions.ObjectStoreFullError("the object store is full"), "memory"),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes."),
     "memory"),
    (torch.OutOfMemoryError(gpu_message(asked="2.00 GiB", free="0 bytes", allocated="7.00 GiB")),
     "gpu memory"),
    (RuntimeError("CUDA error: out of memory"), "gpu memory"),
    (RuntimeError("CUDA error: uncorrectable ECC error encountered"), "gpu"),
    (RuntimeError("CUDA error: CUDA-capable device(s) is/are busy or unavailable"), "gpu"),
    (torch.AcceleratorError("CUDA error: unspecified launch failure"), "gpu"),
    (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), "gpu"),
    (RuntimeError("No CUDA GPUs are available"), "gpu"),
    (exceptions.NodeDiedError("the node is dead"), "node"),
    (exceptions.RayActorError(error_msg=f"{ACTOR_IS_GONE}Its node has died."), "node"),
    (exceptions.RayActorError(error_msg=ACTOR_IS_GONE, preempted=True), "node"),
    (exceptions.ObjectLostError("0" * 56, b"", ""), "node"),
    (exceptions.OwnerDiedError("0" * 56, b"", ""), "node"),
    (exceptions.ActorDiedError(), "process"),
    (exceptions.RayActorError(error_msg=f"{ACTOR_IS_GONE}Its worker process has died."), "process"),
    (exceptions.ActorUnavailableError("connection reset", None), "process"),
    (exceptions.WorkerCrashedError(), "process"),
    (exceptions.LocalRayletDiedError(), "process"),
    (exceptions.RaySystemError("the raylet is gone"), "process"),
    (exceptions.ActorUnschedulableError("no node fits"), "start-up"),
    (exceptions.TaskUnschedulableError("no node fits"), "start-up"),
    (exceptions.RuntimeEnvSetupError("no such package"), "start-up"),
    (exceptions.GetTimeoutError("get timed out"), "start-up"),
    (exceptions.RayActorError(actor_init_failed=True), "start-up"),
    (distributed.DistStoreError("wait timeout after 300000ms"), "start-up"),
    (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "network"),
    (TimeoutError(errno.ETIMEDOUT, "Connection timed out"), "network"),
    (exceptions.RpcError("unavailable"), "network"),
    (distributed.DistNetworkError("the server closed the socket"), "network"),
    (distributed.DistBackendError("NCCL error: remote process exited"), "network"),
    (RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer [10.0.0.7]:5"),
     "network"),
]  # fmt: skip

OF_THE_LAYOUT = [
    Diverged("the training loss is nan by update 3"),
    UserError("train.batch_tokens 3: the shortest sentence has 5 tokens"),
    ValueError("weights of another layout"),
    ZeroDivisionError("division by zero"),
    RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate "
                 "4000000000000000 bytes. Error code 12 (Cannot allocate memory)"),
    torch.OutOfMemoryError(gpu_message(asked="2.00 GiB", free="1.50 GiB", allocated="75.60 GiB")),
    # Ray's own replacement of an error that cannot be pickled
    exceptions.RayError("Exception m.E isn't serializable"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "kind"), OF_THE_ENVIRONMENT, ids=repr)
def test_a_fault_of_the_environment_is_known_also_from_another_process(error: Exception, kind: str):
    for one in (error, raised_in_a_task(error)):
        fault = environment_fault(one)
        assert fault is not None
        assert fault.kind == kind
        assert "\n" not in fault.reason
        assert fault.remedy


@pytest.mark.parametrize("error", OF_THE_LAYOUT, ids=repr)
def test_a_fault_of_the_layout_is_none_of_the_environment(error: Exception):
    assert environment_fault(error) is None
    assert environment_fault(raised_in_a_task(error)) is None


def test_every_error_that_ray_raises_by_itself_is_the_environments():
    known = {type(error) for error, _ in OF_THE_ENVIRONMENT}
    wrappers = {exceptions.RayError, exceptions.RayTaskError, exceptions.UserCodeException}
    of_ray = {one for one in vars(exceptions).values() if isinstance(one, type)} - wrappers
    for one in of_ray:
        if issubclass(one, exceptions.RayError) and one not in known:
            made = type(one.__name__, (one,), {"__str__": lambda _: "it is gone"})
            assert environment_fault(made.__new__(made)) is not None, one


def test_an_error_that_the_environment_caused_has_its_reason():
    cause = FileNotFoundError(errno.ENOENT, "No such file or directory", "dict.de.txt")
    error = RuntimeError("fairseq cannot read the dictionary")
    error.__cause__ = cause
    assert environment_fault(error) == EnvironmentFault(kind="files", reason=reason_of(cause))


def test_a_trial_whose_data_are_gone_or_damaged_met_a_fault_of_the_environment(
    tiny_trial: TrialConfig, tmp_path: Path
):
    data = tmp_path / "data"
    data.mkdir()
    whole = {path.name: path.read_bytes() for path in Path(tiny_trial.data).iterdir()}
    for missing in whole:
        for name, content in whole.items():
            (data / name).write_bytes(content)
        (data / missing).unlink()
        load_task.cache_clear()
        with pytest.raises(UserError) as raised:
            load_task(str(data))
        fault = environment_fault(pickle.loads(pickle.dumps(raised.value)))  # as of another rank
        assert fault is not None, missing
        assert fault.kind == "files"


def test_a_broken_checkpoint_is_no_verdict(tmp_path: Path):
    with pytest.raises(BrokenCheckpoint) as raised:
        load_checkpoint(tmp_path)
    fault = environment_fault(raised.value)
    assert fault is not None
    assert fault.kind == "files"


def test_the_reason_of_a_process_that_died_is_the_last_line_of_rays_report():
    error = exceptions.RayActorError(error_msg=f"{ACTOR_IS_GONE}Its worker process has died.")
    assert reason_of(error) == "RayActorError: Its worker process has died."
