"""What Optuna's attributes say of suggestions whose outcome is not that of a trial of theirs."""

from __future__ import annotations

KNOWN = "known"  # the id of the trial whose value it took
OUT_OF_BOUNDS = "out_of_bounds"  # why it was not trained
EARLIER = "earlier"  # whose outcome it has, of another study
PROXY = "proxy"  # its measure before training, and the seconds that took
DISCARDED = "discarded"  # why the proxy kept it from training
AUDITED = "audited"  # trained though the proxy spoke against it
FIRST = "first"  # one of search.first
LOST = "lost"  # of the study: numbers of suggestions whose trials were lost, as the doctor found
