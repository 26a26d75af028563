"""Parts of fairseq that are not its documented interface.

An upgrade of fairseq may take away any of them, and tests/test_private_parts.py then fails.

Our models are subclasses of fairseq's and put layers of their own into ``layers``, with
``num_layers`` beside, since a configuration of no layers leaves both empty. fairseq reaches
our code by methods that are there for TorchScript or for its own subclasses; the test names
them. That the two compute the same is held by tests/trainable/models/test_fairseq_equality.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairseq.dataclass.utils import convert_namespace_to_omegaconf, gen_parser_from_dataclass
from fairseq.modules.transformer_layer import (
    TransformerDecoderLayerBase,
    TransformerEncoderLayerBase,
)

__all__ = [
    "TransformerDecoderLayerBase",
    "TransformerEncoderLayerBase",
    "convert_namespace_to_omegaconf",
    "gen_parser_from_dataclass",
]


def registered_name(config: Mapping[str, Any], part: str) -> str:
    """What fairseq calls the ``criterion``, ``optimizer``, … that a configuration chose.

    When the key has another name, take the one in ``fairseq_cli/train.py``.
    """
    return str(config[part]["_name"])


def without_private(options: Mapping[Any, Any]) -> dict[str, Any]:
    """The options of a configuration, without those that fairseq keeps for itself."""
    return {str(name): value for name, value in options.items() if not name.startswith("_")}
