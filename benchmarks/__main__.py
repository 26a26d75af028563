"""``python -m benchmarks``: the benchmarks, and what each one measures."""

from __future__ import annotations

import ast
from pathlib import Path

# In the order of `make bench`.
BENCHMARKS = (
    "training",
    "reservoir_gain",
    "validation",
    "trial_overhead",
    "tracking",
    "orchestration",
    "early_stopping",
    "search_quality",
)


def main() -> None:
    """Print the list."""
    for name in BENCHMARKS:
        # Read, not imported: that would take seconds for each.
        source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
        about = ast.get_docstring(ast.parse(source)) or ""
        print(f"python -m benchmarks.{name} --out FOLDER")
        print(f"    {about.splitlines()[0]}")


if __name__ == "__main__":
    main()
