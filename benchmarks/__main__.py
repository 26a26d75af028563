"""``python -m benchmarks``: the benchmarks, and what each one measures."""

from __future__ import annotations

import ast
from pathlib import Path

# Those of `make bench`, in its order: they fit in 30 minutes on two cores.
BENCHMARKS = (
    "training",
    "reservoir_gain",
    "validation",
    "translation",
    "trial_overhead",
    "tracking",
    "orchestration",
    "early_stopping",
    "attention",
    "deletions",
    "paired_seeds",
)
LONG = (
    "search_quality",
    "scale",
    "endurance",
    "proxies",
    "across_tasks",
    "classification",
    "distillation",
    "shared_gpu",
)  # up to an hour, data or GPUs


def main() -> None:
    """Print the list."""
    for name in BENCHMARKS + LONG:
        # Read, not imported: that would take seconds for each.
        source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
        about = ast.get_docstring(ast.parse(source)) or ""
        print(f"python -m benchmarks.{name} --out FOLDER")
        print(f"    {about.splitlines()[0]}")


if __name__ == "__main__":
    main()
