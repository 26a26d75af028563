"""Numbers that the paper gives for its models; a missing one is unknown here.

The numbers are those of the Japanese paper of 2025 that compares Models 0 to 4 on IWSLT'14
German-English with fairseq.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# Millions of parameters, from its table. For models 3 and 4 the table has sharing in pairs, but
# the text says that all reservoirs (and all learned layers) share.
MPARAMS: Mapping[str, float] = MappingProxyType(
    {
        "model0": 57.54,
        "model1": 57.54,
        "model2": 57.54,
        "model3-pairs": 53.34,
        "model4-pairs": 49.13,
    }
)

# Updates within the same time, divided by those of Model 0.
UPDATES_OVER_MODEL0: Mapping[str, float] = MappingProxyType(
    {"model0": 1.0, "model1": 1.054, "model2": 1.130, "model3": 1.130, "model4": 1.162}
)
