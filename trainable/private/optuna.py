"""Parts of Optuna that are not its documented interface.

An upgrade of Optuna may take away any of them, and tests/test_private_parts.py then fails.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial


def open_again(study: optuna.Study, trial: FrozenTrial) -> optuna.Trial:
    """A running trial of an earlier process, open for intermediate values and attributes.

    ``Study.ask`` returns new trials only, and ``Study.tell``, which also takes a trial's
    number, sets neither intermediate values nor constraints. The constructor is public but
    "not recommended", and its argument, the trial's id in the storage, is in a private field.
    If an upgrade removes either, write to the trial through its storage.
    """
    return optuna.Trial(study, trial._trial_id)


def whole_lines(journal: bytes) -> bytes:
    """Complete lines of a journal, without a last line that was only partly written.

    A crash leaves such a line, and so does a search while it writes. Optuna refuses a journal
    with a partial line inside, and appends directly after a partial last line. One line per
    operation is not documented; if an upgrade changes that, keep the journal in SQLite, whose
    transactions survive a crash.
    """
    whole, end, _ = journal.rpartition(b"\n")
    return whole + end


def fault_of_operation(line: bytes) -> str | None:
    """Reason why a line of a journal is no operation; None if it may be one.

    Optuna raises an error of the JSON parser for it, or says nothing if it is the last line.
    The key is not documented; if an upgrade changes it, check the JSON alone.
    """
    try:
        operation = json.loads(line)
    except (ValueError, RecursionError) as error:
        return " ".join(str(error).split())
    if not isinstance(operation, dict) or not isinstance(operation.get("op_code"), int):
        return "it has no op_code"
    return None


def stand_ins(study: str, directions: Sequence[str]) -> tuple[bytes, ...]:
    """Lines that may take the place of a damaged one, so that the later ones keep their meaning.

    Trials have no number in a journal but that of their creations before them. So a damaged
    line that began a trial is replaced by one that begins a trial, the first line by one that
    begins the study, and any other by an empty one. The operations are not documented; if an
    upgrade changes them, a damaged journal is rebuilt from ``trials.jsonl`` alone.
    """
    numbers = [int(StudyDirection[direction.upper()]) for direction in directions]
    creation = {"op_code": 0, "worker_id": "", "study_name": study, "directions": numbers}
    trial = {"op_code": 4, "worker_id": "", "study_id": 0, "datetime_start": None, "state": 4}
    return b"", *(json.dumps(line).encode() for line in (trial, creation))
