"""Search quality: updates until the best-so-far layout is within 1 % of the optimum.

Ours with its defaults, random search, plain TPE through Ray's `OptunaSearch` and, where
it is installed, Syne Tune: all over the same table of recorded trials, in simulated time.
Not part of `make bench`: it takes an hour.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import optuna

from benchmarks.command import Options, run
from benchmarks.machine import ROOT, machine
from benchmarks.result import Cell, Report, Row, Table
from benchmarks.search_peers import (
    MakePeer,
    plain_tpe,
    plain_tpe_with_asha,
    random_search,
    random_search_with_asha,
)
from benchmarks.spread import figure
from benchmarks.syne_tune_peer import is_installed, syne_tune
from search.cluster.ray_cluster import local_ray
from search.replay.recorded_studies import open_table
from search.replay.run import replay
from search.replay.trace import Replay
from search.replay.trial_table import TrialTable, recorded_settings
from search.study.config import StudyConfig, study_from
from search.study.errors import WorkFailed

logger = logging.getLogger(__name__)

TABLE = ROOT / "benchmarks" / "tables" / "multi30k-small.jsonl.gz"
N_SEEDS = 20
N_WORKERS = 2
FRACTION = 0.01
# By objective, and in what part of the table. Ours begins with a layout that costs least to
# train; in the whole of it such a one has the best AUCC, in the part none has.
SEARCHES: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("aucc_per_mparam", {}),
    ("aucc", {}),
    ("aucc", {"depth": [4, 6]}),
)
OURS = "ours, with its defaults"

PEERS: Mapping[str, MakePeer] = {
    "random search": random_search,
    "random search with ASHA": random_search_with_asha,
    "plain TPE (OptunaSearch)": plain_tpe,
    "plain TPE (OptunaSearch) with ASHA": plain_tpe_with_asha,
}
SYNE_TUNE: Mapping[str, MakePeer] = {
    f"Syne Tune's {algorithm}": partial(syne_tune, algorithm) for algorithm in ("ASHA", "BOHB")
}


def measure(options: Options) -> Report:
    """The updates that each search spent."""
    table = open_table(str(options.data or TABLE))
    peers = {**PEERS, **(SYNE_TUNE if is_installed() else {})}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with local_ray():
        tables = [_table(table, _study(table, *search), peers) for search in SEARCHES]
    return Report(
        name="search_quality",
        title="Search",
        header={
            **machine(),
            "table": f"{_name(options.data or TABLE)}: {len(table.by_key)} layouts, "
            f"{len(table.trials)} trials",
            "search": f"{N_WORKERS} trials at a time, seeds 1 to {N_SEEDS}",
        },
        tables=tables,
        notes=[
            (
                "the best layout is that of the best completed trial; its worth is its mean "
                "objective over the recorded seeds"
            ),
            (
                "updates are those of all trials, stopped ones to where they stopped; a search "
                "that does not come there within twice as many trials as the table has layouts "
                "counts as more than any that does"
            ),
            (
                "the quartiles are over the seeds; by AUCC per parameter ours depends on its seed "
                "only where two layouts look alike to it, so its seeds are no independent samples"
            ),
            *([] if is_installed() else ["Syne Tune is not installed here: pip install syne-tune"]),
        ],
    )


def _table(table: TrialTable, config: StudyConfig, peers: Mapping[str, MakePeer]) -> Table:
    replays = _replay_all(table, config, peers)
    return Table(
        caption=f"{config.objective.name} over {config.objective.clock}, depths "
        f"{', '.join(map(str, config.space.depth))}: until the best layout is within "
        f"{FRACTION:.0%} of the best that the table has of them",
        rows=[_row(name, replays[name], replays[OURS]) for name in replays],
    )


def _study(table: TrialTable, objective: str, part: Mapping[str, Any]) -> StudyConfig:
    """The recorded study or a part of its space, searched with the defaults."""
    recorded = recorded_settings(table.study)
    settings = {
        **recorded,
        "space": {**recorded["space"], **part},
        "objective": {**recorded["objective"], "name": objective},
        "search": {"n_trials": 2 * len(table.by_key)},  # the others train some layouts again
    }
    return study_from(settings, "the table's study")


def _replay_all(
    table: TrialTable, config: StudyConfig, peers: Mapping[str, MakePeer]
) -> dict[str, list[Replay]]:
    replays: dict[str, list[Replay]] = {name: [] for name in (OURS, *peers)}
    for seed in range(1, N_SEEDS + 1):
        for name, kept in replays.items():
            kept.append(_replayed(table, config, seed, None if name == OURS else peers[name]))
            logger.info("seed=%d search=%r updates=%s", seed, name, _updates(kept[-1]))
    return replays


def _replayed(table: TrialTable, config: StudyConfig, seed: int, peer: MakePeer | None) -> Replay:
    """A replay; once more where a process of Ray's dies, as one of thousands does."""
    again = partial(replay, table, config, seed=seed, n_workers=N_WORKERS, until=FRACTION)
    try:
        return again(peer=peer and peer(config, seed))
    except WorkFailed as error:
        logger.warning("%s; once more", error)
        return again(peer=peer and peer(config, seed))


def _row(name: str, replays: Sequence[Replay], ours: Sequence[Replay]) -> Row:
    spent = median(map(_updates, replays))
    found = [replayed for replayed in replays if math.isfinite(_updates(replayed))]
    return {
        "": name,
        "updates, median": _finite(spent),
        "× ours": _finite(spent / median(map(_updates, ours))),
        "updates, quartiles": _quartiles(sorted(map(_updates, replays))),
        "trials, median": median(len(replayed.records) for replayed in replays),
        "came there": f"{len(found)} of {len(replays)}",
    }


def _quartiles(ordered: Sequence[float]) -> str:
    """The first and the third quartile, each a value that occurred."""
    n = len(ordered)
    return " to ".join(figure(ordered[place]) for place in (n // 4, n - 1 - n // 4))


def _updates(replayed: Replay) -> float:
    """Updates until the search was good enough; infinite if it never was."""
    updates = replayed.updates_until(FRACTION)
    return math.inf if updates is None else float(updates)


def _finite(value: float) -> Cell:
    return value if math.isfinite(value) else "never"


def _name(path: Path) -> str:
    return path.name.partition(".")[0]


if __name__ == "__main__":
    run(measure, __doc__)
