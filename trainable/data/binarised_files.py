"""Checks of a binarised file before fairseq maps it into memory."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
from fairseq.data import indexed_dataset

from spaces.errors import DamagedData

_MAGIC = b"MMIDIDX\x00\x00"
_HEADER = struct.Struct("<9sQBQ")  # magic, version, code of the tokens' type, n_sentences
_CODES = {np.dtype(np.uint16): 8, np.dtype(np.uint32): 9, np.dtype(np.int64): 5}
_CHUNK_TOKENS = 2**22

Sizes = npt.NDArray[np.int32]


def check_binarised(prefix: Path, *, n_rows: int) -> int:
    """Check that ``prefix``.bin and .idx are complete and hold tokens of the dictionary.

    fairseq trusts the index, and torch trusts the tokens.

    Args:
        n_rows: number of entries of the dictionary.

    Returns:
        Number of sentences.

    Raises:
        DamagedData: the files are cut off, do not fit each other, or have other tokens.
    """
    dtype = np.dtype(indexed_dataset.best_fitting_int_dtype(n_rows))
    index, data = Path(f"{prefix}.idx"), Path(f"{prefix}.bin")
    sizes = _sizes(index, dtype)
    n_tokens = int(sizes.sum(dtype=np.int64))
    if data.stat().st_size != n_tokens * dtype.itemsize:
        raise _broken(data, f"does not hold the {n_tokens} tokens listed in {index.name}")
    tokens = np.memmap(data, dtype=dtype, mode="r")
    for start in range(0, n_tokens, _CHUNK_TOKENS):
        highest = int(tokens[start : start + _CHUNK_TOKENS].max())
        if highest >= n_rows:
            raise _broken(data, f"has token {highest}, and the dictionary has {n_rows} entries")
    return len(sizes)


def _sizes(index: Path, dtype: np.dtype[np.signedinteger | np.unsignedinteger]) -> Sizes:
    """Lengths of the sentences in tokens, after a check that the sentences are contiguous."""
    n_bytes = index.stat().st_size
    with index.open("rb") as file:
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            raise _broken(index, "is cut off")
        magic, version, code, n_sentences = _HEADER.unpack(header)
        if (magic, version, code) != (_MAGIC, 1, _CODES[dtype]):
            raise _broken(index, "is no index of fairseq's with the type that the dictionary needs")
        if n_sentences == 0 or n_bytes != _HEADER.size + n_sentences * (4 + 8):
            raise _broken(index, f"does not hold the {n_sentences} sentences of its header")
        sizes = np.fromfile(file, dtype=np.int32, count=n_sentences)
        places = np.fromfile(file, dtype=np.int64, count=n_sentences)
    ends = np.cumsum(sizes, dtype=np.int64) * dtype.itemsize
    if (sizes < 1).any() or places[0] != 0 or (places[1:] != ends[:-1]).any():
        raise _broken(index, "has wrong positions or lengths of sentences")
    return sizes


def _broken(path: Path, fault: str) -> DamagedData:
    return DamagedData(f"{path}: {fault}; prepare the folder again")
