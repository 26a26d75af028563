"""Parts of Optuna that are not its documented interface.

An upgrade of Optuna may take away any of them, and tests/test_private_parts.py then fails.
"""

from __future__ import annotations

import optuna
from optuna.trial import FrozenTrial


def open_again(study: optuna.Study, trial: FrozenTrial) -> optuna.Trial:
    """A running trial of an earlier process, to which points and marks can be added.

    ``Study.ask`` gives new trials alone, and ``Study.tell``, which takes a number too, adds
    neither curve nor constraint. The constructor is public but "not recommended", and the
    number that it wants, the storage's, is in a private field. When either is gone, add to
    the trial by its storage.
    """
    return optuna.Trial(study, trial._trial_id)


def whole_lines(journal: bytes) -> bytes:
    """A journal without the line that a crash tore or a search at work is still writing.

    Optuna refuses a journal with a torn line in it, and writes on behind one that ends in
    it. That each operation is a line of its own is not documented. When it is not so any
    more, keep the journal in SQLite, where a crash tears nothing.
    """
    whole, end, _ = journal.rpartition(b"\n")
    return whole + end
