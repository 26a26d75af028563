"""Parts of fairseq that are not its documented interface.

An upgrade of fairseq may take away any of them, and tests/test_private_parts.py then fails.

Our models are subclasses of fairseq's. They are configured with no layers and then fill
``layers`` and ``num_layers`` themselves. fairseq calls our code through methods meant for
TorchScript or for its own subclasses; the test lists these methods.
tests/trainable/models/test_fairseq_equality.py checks that both compute the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairseq.data import FairseqDataset, PrependTokenDataset, data_utils
from fairseq.dataclass.utils import convert_namespace_to_omegaconf, gen_parser_from_dataclass
from fairseq.modules.transformer_layer import (
    TransformerDecoderLayerBase,
    TransformerEncoderLayerBase,
)
from fairseq.tasks import register_task
from fairseq.tasks.masked_lm import MaskedLMConfig, MaskedLMTask

__all__ = [
    "SentencesMaskedLM",
    "TransformerDecoderLayerBase",
    "TransformerEncoderLayerBase",
    "convert_namespace_to_omegaconf",
    "gen_parser_from_dataclass",
]


@register_task("reservoir_masked_lm", dataclass=MaskedLMConfig)
class SentencesMaskedLM(MaskedLMTask):  # type: ignore[misc]
    """fairseq's `masked_lm` with a sentence an example.

    fairseq 0.12.3 makes blocks of sentences with a part of NumPy that NumPy 2 has not, and ends
    in an AttributeError; a sentence alone needs no block. Once fairseq works with NumPy 2, use
    its task with `--sample-break-mode eos`, and remove this one.
    """

    def _load_dataset_split(self, split: str, epoch: int, combine: bool) -> FairseqDataset:
        prefix = str(Path(self.cfg.data) / split)
        sentences = data_utils.load_indexed_dataset(prefix, self.source_dictionary, combine=combine)
        return PrependTokenDataset(sentences, self.source_dictionary.bos())


def registered_name(config: Mapping[str, Any], part: str) -> str:
    """Registered name of a fairseq configuration's ``criterion``, ``optimizer`` and so on.

    If an upgrade renames the key, use the one in ``fairseq_cli/train.py``.
    """
    return str(config[part]["_name"])


def without_private(options: Mapping[Any, Any]) -> dict[str, Any]:
    """Options of a configuration without fairseq's private ones."""
    return {str(name): value for name, value in options.items() if not name.startswith("_")}
