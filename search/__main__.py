"""Entry point of ``python -m search``, which is ``reservoir-search``."""

from search.cli import main

main()
