"""Run a command of reservoir-search as a job on all of compose.yaml, without containers.

python -m tests.cluster.compose FOLDER COMMAND…   as root; data and studies go to FOLDER
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cluster.compose.stack import ROOT, stack


def main(folder: Path, command: list[str]) -> int:
    """Start the services, run the command, print its output, stop all."""
    folder.mkdir(parents=True, exist_ok=True)
    secrets = folder / "secrets"
    subprocess.run([ROOT / "docker/make_secrets.sh", secrets], check=True)
    with stack(ROOT / "docker/compose.yaml", folder, SECRETS=str(secrets)) as services:
        done = services.run("search", *command, timeout=24 * 3600)
        print(done.stdout, end="")
        return done.returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
