"""Entry point of ``python -m search``, which is ``reservoir-search``."""

import sys

from search import foreign_package


def main() -> None:
    """Run the command line, unless another project's packages are in the place of ours."""
    if (fault := foreign_package()) is not None:
        sys.exit(f"error: {fault}")
    from search.cli import main as run_commands

    run_commands()


if __name__ == "__main__":
    main()
