"""Multi30k, German to English: 29,000 image captions, 1,014 for valid, test 2016 (Flickr)."""

from __future__ import annotations

import logging
from pathlib import Path

from trainable.data.blobs import Blob, find_blob
from trainable.data.corpus import ParallelText, Split, aligned, from_raw
from trainable.data.download import fetch
from trainable.data.manifest import SplitName

log = logging.getLogger(__name__)

URL = "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/"
LICENCE = (
    "non-commercial research and education; captions of Flickr30k images (Elliott et al. 2016)"
)
N_SENTENCES: dict[SplitName, int] = {"train": 29_000, "valid": 1_014, "test": 1_000}
_FILES: dict[SplitName, str] = {"train": "train", "valid": "val", "test": "test_2016_flickr"}
_SHA256 = {
    "train.de.gz": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
    "train.en.gz": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
    "val.de.gz": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
    "val.en.gz": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
    "test_2016_flickr.de.gz": "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
    "test_2016_flickr.en.gz": "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
}


def multi30k(folder: Path | None) -> ParallelText:
    """The corpus Multi30k, read from the files in ``folder`` (plain or .gz) or downloaded.

    Raises:
        UserError: a file is missing or broken, or the download fails.
    """
    splits: dict[SplitName, Split] = {}
    sources = []
    for split, name in _FILES.items():
        german, english = (_blob(folder, f"{name}.{language}") for language in ("de", "en"))
        raw = aligned(german, english)
        if len(raw) != N_SENTENCES[split]:
            log.warning(
                "%s has %d lines, Multi30k has %d", german.place, len(raw), N_SENTENCES[split]
            )
        splits[split] = from_raw(raw, src="de", tgt="en").without_blanks()
        sources += [german.source(), english.source()]
    return ParallelText(
        name="multi30k", src="de", tgt="en", splits=splits, licence=LICENCE, sources=tuple(sources)
    )


def _blob(folder: Path | None, name: str) -> Blob:
    if folder is not None:
        return find_blob(folder, name)
    return fetch(f"{URL}{name}.gz", sha256=_SHA256[f"{name}.gz"])
