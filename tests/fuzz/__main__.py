"""``python -m tests.fuzz N [TARGET …]``: N new inputs a target, all targets unless named."""

from __future__ import annotations

import logging
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.fuzz import fuzz
from tests.fuzz.targets import NAMES, targets


def main(n_inputs: int, names: list[str]) -> None:
    """Try each target in a process of its own, whose memory is its own too."""
    if len(names) == 1:
        _try(n_inputs, names[0])
        return
    for name in names or NAMES:
        command = [sys.executable, "-m", "tests.fuzz", str(n_inputs), name]
        subprocess.run(command, check=True)


def _try(n_inputs: int, name: str) -> None:
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        target = targets(Path(folder))[name]
        start = time.monotonic()
        outcome = fuzz(target, n_inputs, is_quick=False)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name}: {outcome.n_inputs} inputs, {outcome.n_values} values, "
        f"{outcome.n_inputs - outcome.n_values} clear errors, "
        f"{time.monotonic() - start:.0f} s, peak {peak_mib:.0f} MiB",
        flush=True,
    )
    assert peak_mib < 2048


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
