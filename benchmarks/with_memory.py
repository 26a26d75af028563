"""Runs a module as ``python -m`` does, then prints the most memory that the process held.

The process itself reads it: what the system tells its parent (``ru_maxrss``) counts the
parent's own memory too, from which the process was forked.
"""

from __future__ import annotations

import runpy
import sys

PREFIX = "peak_memory_bytes="


def main() -> None:
    """Take the module's name and its arguments from the command line."""
    _, module, *arguments = sys.argv
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        _tell()


def _tell() -> None:
    # Only now: fairseq takes no models from a --user-dir that is imported already.
    import torch

    from trainable.memory import peak_memory_bytes

    print(f"{PREFIX}{peak_memory_bytes(torch.device('cpu'))}", flush=True)


if __name__ == "__main__":
    main()
