"""Parts of Optuna that are not its documented interface.

An upgrade of Optuna may take away any of them, and tests/test_private_parts.py then fails.
"""

from __future__ import annotations

import optuna
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
