"""A pickle that leaves a mark where it is loaded."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path


class Payload:
    """Unpickled, it makes the file ``mark``."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self):
        return (Path.touch, (self._mark,))


def payloads(mark: Path) -> dict[str, bytes]:
    """The same payload in each form that a loader of pickles takes."""
    raw = pickle.dumps(Payload(mark))
    torch_zip, numpy_file = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(torch_zip, "w") as archive:  # as torch.save writes
        archive.writestr("archive/data.pkl", raw)
        archive.writestr("archive/version", "3\n")
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    numpy_file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + raw)
    return {"pickle": raw, "torch": torch_zip.getvalue(), "numpy": numpy_file.getvalue()}
