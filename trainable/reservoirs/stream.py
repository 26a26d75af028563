"""Random bits that depend on a key alone.

numpy guarantees PCG64's stream and its seeding across versions, unlike its distributions.
Torch's generators are never touched.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def raw_bits(n: int, *, key: str) -> NDArray[np.uint64]:
    """``n`` 64-bit integers of the PCG64 stream seeded with the SHA-256 of ``key``."""
    stream = np.random.PCG64(int.from_bytes(hashlib.sha256(key.encode()).digest(), "big"))
    return stream.random_raw(n)
