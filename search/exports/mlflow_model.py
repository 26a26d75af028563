"""MLflow's model of an export: sentences in, answers out.

MLflow keeps a copy of this file in each model, and runs it to load the model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from trainable.first_import import import_fairseq

EXPORT = "export"  # name of the export among the model's artifacts


class ExportModel(PythonModel):
    """An export as MLflow loads and serves it."""

    def load_context(self, context: PythonModelContext) -> None:
        import_fairseq()
        from search.exports.predict import answers_of

        self._answers = answers_of(Path(context.artifacts[EXPORT]))

    # MLflow reads the model's signature from these hints.
    def predict(
        self,
        context: PythonModelContext,
        model_input: list[str],
        params: dict[str, Any] | None = None,
    ) -> list[str]:
        """Answer of ``translate`` or ``predict`` to each sentence, in order."""
        return list(self._answers(model_input))


set_model(ExportModel())  # as MLflow asks of such a file; nothing else imports it to run it
