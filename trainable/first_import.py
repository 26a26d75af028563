"""The first import of fairseq, which would leave a mark on the program that imports it."""

from __future__ import annotations

import logging
import warnings
from importlib import import_module


def import_fairseq() -> None:
    """Import fairseq without its warnings, and leave the root logger as it is.

    fairseq 0.12.3 sets the root logger to DEBUG with ``logging.basicConfig``, which does nothing
    where there is a handler; and hydra, which it imports, warns.
    """
    handler = logging.NullHandler()
    logging.root.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import_module("fairseq")
    finally:
        logging.root.removeHandler(handler)
