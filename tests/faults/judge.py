"""The judge of a study that faults befell: what must hold, each promise a function.

Each function gives the violations in words, none where the promise was kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from tests.faults.memories import LedgerTrial, Memories, MlflowRun, MlflowStudy, weights_fault

Ledger = Mapping[int, LedgerTrial]

N_KEPT = 3  # completed trials whose best weights stay
_ERROR_LINE = re.compile(r"(error|failed): .+")


def forgotten_outcomes(before: Ledger, after: Ledger) -> list[str]:
    """Trials that had ended before and are gone or another now."""
    return [
        f"trial {id_} had ended, and is {'gone' if id_ not in after else 'another'} in trials.jsonl"
        for id_, trial in before.items()
        if trial.has_ended and after.get(id_) != trial
    ]


def trained_twice(ledger: Ledger) -> list[str]:
    """Candidates that have more than one trial."""
    counts = Counter(trial.key for trial in ledger.values())
    return [f"{n} trials of {key}" for key, n in counts.items() if n > 1]


def differences_from(reference: Ledger, ledger: Ledger) -> list[str]:
    """Completed trials that are not those of an unbroken study: seed, curve, measures."""
    known = {(trial.key, trial.seed): trial for trial in reference.values()}
    faults = []
    for trial in ledger.values():
        unbroken = known.get((trial.key, trial.seed))
        if unbroken is None:
            faults.append(f"trial {trial.id} is not in the unbroken study")
        elif trial.state == "completed":
            faults += [
                f"trial {trial.id} has another {name} than in the unbroken study"
                for name in ("curve", "aucc", "objective")
                if getattr(trial, name) != getattr(unbroken, name)
            ]
    return faults


def unfinished(ledger: Ledger, n_trials: int) -> list[str]:
    """Differences from a study whose trials are numbered and all completed."""
    faults = [f"trial {t.id} is {t.state}" for t in ledger.values() if t.state != "completed"]
    if sorted(ledger) != list(range(n_trials)):
        faults.append(f"the trials are {sorted(ledger)}, not {n_trials}")
    return faults


def disagreements(memories: Memories) -> list[str]:
    """Differences between the memories of a study that is over."""
    return _of_optuna(memories) + _of_mlflow(memories)


def _of_optuna(memories: Memories) -> list[str]:
    suggestions = memories.suggestions
    by_number: dict[int, list[LedgerTrial]] = {n: [] for n in range(len(suggestions))}
    for trial in memories.ledger.values():
        by_number.setdefault(trial.suggestion, []).append(trial)
    faults = []
    for number, trials in by_number.items():
        if number >= len(suggestions):
            faults.append(f"suggestion {number} of trial {trials[0].id} is not in Optuna")
        elif len(trials) > 1:
            faults.append(f"suggestion {number} has {len(trials)} trials")
        elif trials:
            found = (suggestions[number].state, suggestions[number].values)
            if found != ("COMPLETE", (trials[0].objective,)):
                faults.append(f"suggestion {number} is {found}, trial {trials[0].id} is not")
        elif suggestions[number].state != "FAIL" and not suggestions[number].marks:
            # A driver that dies right after a suggestion leaves one that failed.
            faults.append(f"suggestion {number} is {suggestions[number].state} without a trial")
    return faults


def _of_mlflow(memories: Memories) -> list[str]:
    faults = []
    if memories.mlflow.parents != ("FINISHED",):
        faults.append(f"MLflow: the study's own runs are {memories.mlflow.parents}")
    for id_ in memories.mlflow.trials.keys() - memories.ledger.keys():
        faults.append(f"MLflow: trial {id_} is in no other memory")
    for id_, trial in memories.ledger.items():
        runs = memories.mlflow.trials.get(id_, ())
        if len(runs) != 1:
            faults.append(f"MLflow: trial {id_} has {len(runs)} runs")
        else:
            faults += _of_run(trial, runs[0])
    return faults


def _of_run(trial: LedgerTrial, run: MlflowRun) -> list[str]:
    expected = {
        "status": "FINISHED",
        "state": trial.state,
        "objective": trial.objective,
        "scores": tuple((updates, score) for updates, score, _ in trial.curve),
    }
    return [
        f"MLflow: the {name} of trial {trial.id} is {getattr(run, name)}, not {value}"
        for name, value in expected.items()
        if getattr(run, name) != value
    ]


def left_running(mlflow: MlflowStudy) -> list[str]:
    """Runs that still count as running, although no driver works."""
    statuses = [*mlflow.parents, *(run.status for runs in mlflow.trials.values() for run in runs)]
    return ["MLflow: a run is left as running"] if "RUNNING" in statuses else []


def wrong_weights(memories: Memories) -> list[str]:
    """Kept weights that are missing, damaged, or too many; of a study that is over."""
    best = sorted(memories.ledger.values(), key=lambda trial: -(trial.objective or 0))
    expected = {trial.id for trial in best[:N_KEPT]}
    faults = [f"trial {id_} has no weights" for id_ in expected - memories.weights.keys()]
    faults += [f"trial {id_} has weights left" for id_ in memories.weights.keys() - expected]
    for id_, paths in memories.weights.items():
        damages = [weights_fault(path) for path in paths]
        faults += [f"trial {id_}: {damage}" for damage in damages if damage is not None]
        if len(paths) > 1:
            faults.append(f"trial {id_} has weights {len(paths)} times")
    return faults


def misspoken(code: int, lines: Sequence[str]) -> list[str]:
    """Violations of what a command may say on stderr where it ends with the exit code."""
    faults = []
    if any(line.startswith("Traceback (most recent call last)") for line in lines):
        faults.append("a traceback on stderr")
    told = [line for line in lines if _ERROR_LINE.fullmatch(line)]
    last = lines[-1] if lines else ""
    if code in (1, 2) and (len(told) != 1 or told[0] != last):
        faults.append(f"exit code {code} with {len(told)} lines of an error, the last line: {last}")
    if code == 0 and told:
        faults.append(f"exit code 0 and an error: {told[0]}")
    if code == 130 and last != "interrupted":
        faults.append(f"exit code 130, the last line: {last}")
    return faults


def lost_work(trial: LedgerTrial, *, checkpointed: int, goes_on: Sequence[int | None]) -> list[str]:
    """Work that was lost beyond the last checkpoint.

    Args:
        trial: as the ledger had it at the fault.
        checkpointed: updates of its newest whole checkpoint then.
        goes_on: updates of its new points afterwards.
    """
    expected = min(checkpointed + trial.interval, trial.n_updates)
    first = next((updates for updates in goes_on if updates is not None), expected)
    if first >= expected:
        return []
    return [
        f"trial {trial.id} has a checkpoint at update {checkpointed}, and then reaches {first} anew"
    ]


def changed_records(before: Ledger, after: Ledger) -> list[str]:
    """Trials that are not what they were, where nothing was to be done."""
    ids = sorted(before.keys() | after.keys())
    return [f"trial {id_} changed" for id_ in ids if before.get(id_) != after.get(id_)]
