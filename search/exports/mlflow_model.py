"""The MLflow model of an export, as code: MLflow runs this file wherever it loads the model."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from search.exports.predict import Predictor
from search.exports.translate import Translator, open_export
from trainable.tasks.translation import FINAL_BEAM, Translation


class SentenceModel(PythonModel):  # type: ignore[misc]
    """Answers raw sentences: by translations, or as ``predict`` does for other tasks.

    Weights are read from safetensors; nothing is pickled.
    """

    def load_context(self, context: PythonModelContext) -> None:
        folder = Path(context.artifacts["export"])
        translates = isinstance(open_export(folder).task, Translation)
        self._translator = Translator(folder) if translates else None
        self._predictor = None if translates else Predictor(folder)

    def predict(self, context: PythonModelContext, model_input: Any, params: Any = None) -> Any:
        """One answer a sentence, of a list or of the first column of a table."""
        sentences: Iterable[str] = model_input
        if hasattr(model_input, "columns"):
            sentences = model_input[model_input.columns[0]]
        beam = int((params or {}).get("beam", FINAL_BEAM))
        if self._translator is not None:
            return list(self._translator.translate(sentences, beam=beam))
        assert self._predictor is not None
        return list(self._predictor.answers(sentences))


set_model(SentenceModel())
