from __future__ import annotations

import pytest

from search.cluster.resources import n_fitting_trials, refuse_what_cannot_fit
from spaces.errors import UserError
from trainable.config import RanksConfig


def node(cpus: float, gpus: float = 0) -> dict[str, float]:
    """Resources of a node as Ray names them; those that it lacks have no entry."""
    return {"CPU": cpus, "memory": 1e9} | ({"GPU": gpus} if gpus else {})


def ranks(n_ranks: int = 1, cpus: int = 1, gpus: float = 0.0) -> RanksConfig:
    return RanksConfig(n_ranks=n_ranks, cpus_per_rank=cpus, gpus_per_rank=gpus)


@pytest.mark.parametrize(
    ("needed", "nodes", "n_trials"),
    [
        (ranks(), [node(2), node(2), node(1)], 5),
        (ranks(cpus=2), [node(3), node(3)], 2),  # not 6 CPUs / 2
        (ranks(n_ranks=2), [node(1), node(1)], 1),  # ranks may sit on two nodes
        (ranks(n_ranks=3, cpus=2), [node(5), node(4), node(4)], 2),
        (ranks(gpus=1), [node(8, 2), node(1, 4), node(8)], 3),  # two, and one for want of CPUs
        (ranks(gpus=0.25), [node(16, 2)], 8),
        (ranks(gpus=0.4), [node(16, 2)], 4),  # two on each GPU, none on two halves
        (ranks(gpus=0.1), [node(16, 1)], 10),  # 1 / 0.1 is no more than 10
        (ranks(gpus=2), [node(16, 3), node(16, 3)], 2),
        (ranks(), [], 0),
        (ranks(), [{"memory": 1e9}], 0),  # a head that trains nothing
    ],
)
def test_trials_fit_node_by_node(needed: RanksConfig, nodes: list[dict[str, float]], n_trials: int):
    assert n_fitting_trials(needed, nodes) == n_trials


@pytest.mark.parametrize(
    ("needed", "nodes", "message"),
    [
        (
            ranks(gpus=3),
            [node(8, 2), node(8, 1)],
            "a trial asks for 3 GPUs; the largest node has 2; ask for less",
        ),
        (
            ranks(n_ranks=2, cpus=4),
            [node(3), node(3)],
            "a rank asks for 4 CPUs; the largest node has 3; ask for less",
        ),
        (
            ranks(n_ranks=4, cpus=2),
            [node(3), node(3)],
            "a trial asks for 4 x (2 CPUs, 0 GPUs); the 2 nodes hold 2 of them; ask for less",
        ),
        (
            ranks(cpus=4, gpus=1),
            [node(8), node(2, 1)],
            "a trial asks for 1 x (4 CPUs, 1 GPUs); the 2 nodes hold 0 of them; ask for less",
        ),
    ],
)
def test_a_trial_that_no_node_can_hold_is_refused(
    needed: RanksConfig, nodes: list[dict[str, float]], message: str
):
    assert n_fitting_trials(needed, nodes) == 0
    with pytest.raises(UserError) as refused:
        refuse_what_cannot_fit(needed, nodes)
    assert str(refused.value) == f"ranks: {message}"


def test_a_trial_that_fits_is_not_refused():
    refuse_what_cannot_fit(ranks(n_ranks=2, gpus=1), [node(1, 1), node(1, 1)])
    refuse_what_cannot_fit(ranks(gpus=0.5), [node(1, 1)])


def test_a_rank_takes_whole_gpus_or_a_share_of_one():
    with pytest.raises(ValueError, match="whole GPUs or a share of one"):
        ranks(gpus=1.5)
