"""Check of ``trials.jsonl``: each trial is complete, and its derived fields are right."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from search.doctor.finding import Finding, Notes
from search.doctor.rules import SEARCH, Rules
from search.study.config import StudyConfig
from search.study.ledger_lines import read_contents
from search.study.trial_record import TrialRecord
from trainable.aucc import aucc
from trainable.objective import Progress, objective_value


def check_trials(
    path: Path, records: Sequence[TrialRecord], config: StudyConfig, rules: Rules = SEARCH
) -> Finding:
    """Check the lines of the file, and each trial by itself."""
    notes = Notes.empty()
    contents = read_contents(path)
    notes.faults += [str(line) for line in contents.damaged]
    if contents.torn is not None:
        notes.waiting.append(f"line {contents.torn} is cut short; {rules.go_on} drops it")
    # Earlier versions trained a candidate again that differs in a setting which changes nothing.
    candidates = [(record.key, record.config.model_dump_json()) for record in records]
    for candidate in [each for each, n in Counter(candidates).items() if n > 1]:
        same = (r for r, each in zip(records, candidates, strict=True) if each == candidate)
        ids = ", ".join(str(record.id) for record in same)
        notes.faults.append(f"trials {ids} have the same candidate")
    for record in records:
        faults = record_faults(record, config, rules)
        notes.faults += [f"trial {record.id}: {fault}" for fault in faults]
    n_running = sum(record.state == "running" for record in records)
    if n_running:
        notes.waiting.append(f"{n_running} interrupted; {rules.go_on} goes on with them")
    return notes.finding("trials.jsonl", f"{len(records)} trials")


def derived_fields(
    record: TrialRecord, config: StudyConfig, rules: Rules = SEARCH
) -> dict[str, Any]:
    """Fields of a record that follow from its other fields, computed again.

    Raises:
        ValueError: the curve's clock does not increase.
    """
    values: dict[str, Any] = {"key": rules.key_of(record, config)}
    if record.curve:
        objective = record.config.objective
        area = aucc(
            record.curve,
            clock=objective.clock,
            horizon=record.config.horizon,
            hold_last=record.state == "completed",
        )
        values |= {
            "aucc": area,
            "objective": objective_value(
                objective, Progress(curve=record.curve, aucc=area, counts=record.counts)
            ),
        }
    return values


def differing_fields(
    record: TrialRecord, config: StudyConfig, rules: Rules = SEARCH
) -> dict[str, Any]:
    """Derived fields that the record has wrong, with the values they should have.

    Raises:
        ValueError: the curve's clock does not increase.
    """
    derived = derived_fields(record, config, rules)
    return {
        name: value for name, value in derived.items() if not _same(getattr(record, name), value)
    }


def record_faults(record: TrialRecord, config: StudyConfig, rules: Rules = SEARCH) -> list[str]:
    """Faults of a record by itself, a sentence each."""
    if record.state in ("completed", "stopped") and not record.curve:
        return [f"it is {record.state} and has no curve"]
    clocks = ("updates", "seconds", "tokens", "flops")
    for earlier, later in pairwise(record.curve):
        for clock in clocks:
            if getattr(later, clock) <= getattr(earlier, clock):
                return [f"its curve does not increase in {clock} at update {later.updates}"]
    return [
        f"its {name} is {getattr(record, name)}, and should be {value}"
        for name, value in differing_fields(record, config, rules).items()
    ]


def _same(stored: Any, computed: Any) -> bool:
    if isinstance(stored, float) and isinstance(computed, float):
        return math.isclose(stored, computed, rel_tol=1e-9)
    return bool(stored == computed)
