"""Parts of fairseq that are not its documented interface.

An upgrade of fairseq may take away any of them, and tests/test_private_parts.py then fails.

Our models are subclasses of fairseq's. They are configured with no layers and then fill
``layers`` and ``num_layers`` themselves. fairseq calls our code through methods meant for
TorchScript or for its own subclasses; the test lists these methods.
tests/trainable/models/test_fairseq_equality.py checks that both compute the same.
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
    """Registered name of a fairseq configuration's ``criterion``, ``optimizer`` and so on.

    If an upgrade renames the key, use the one in ``fairseq_cli/train.py``.
    """
    return str(config[part]["_name"])


def without_private(options: Mapping[Any, Any]) -> dict[str, Any]:
    """Options of a configuration without fairseq's private ones."""
    return {str(name): value for name, value in options.items() if not name.startswith("_")}
