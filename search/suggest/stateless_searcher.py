"""A searcher whose state is elsewhere, and not in Tune's experiment."""

from __future__ import annotations

from typing import Any

from ray.tune.search import Searcher


class StatelessSearcher(Searcher):  # type: ignore[misc]
    """Gives Tune nothing to save, and takes no metric from it."""

    def __init__(self) -> None:
        super().__init__(metric=None, mode=None)

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing to do: see the class."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to do: see the class."""

    def set_search_properties(
        self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any
    ) -> bool:
        return True
