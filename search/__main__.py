"""``python -m search`` is ``reservoir-search``."""

from search.cli import main

main()
