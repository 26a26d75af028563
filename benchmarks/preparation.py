"""Speed and memory of `data text` on repeated text, by the number of pairs.

python -m benchmarks.preparation: at a quarter, a half and all of 450,000 pairs; WMT'16 has 4.5
million (``--pairs 4500000``). The text is the grammar's, or that of two files, again and again.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path

import torch

from trainable.data.blobs import read_blob
from trainable.data.lines import lines_of
from trainable.data.prepare import prepare
from trainable.data.text import TextFiles, text
from trainable.data.tokenisation import Form
from trainable.memory import peak_memory_bytes

N_PAIRS = 450_000
N_EVALUATED = 1_000
N_MERGES = 8_000
_N_SENTENCES = 20_000  # different ones of the grammar


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """One preparation in a process of its own."""

    n_pairs: int
    form: Form
    files: tuple[Path, Path] | None

    def measure(self) -> tuple[float, int]:
        """Seconds, without those for writing the text, and the most bytes of memory."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            train = self._write(folder, "train", self.n_pairs)
            evaluated = self._write(folder, "valid", N_EVALUATED)
            files = TextFiles(train=(train,), valid=evaluated, test=evaluated)
            start = time.perf_counter()
            prepare(
                lambda: text(files, src="de", tgt="en", form=self.form, scratch=folder),
                folder / "out",
                n_merges=N_MERGES,
            )
            return time.perf_counter() - start, peak_memory_bytes(torch.device("cpu"))

    def _write(self, folder: Path, name: str, n_lines: int) -> tuple[Path, Path]:
        paths = folder / f"{name}.de", folder / f"{name}.en"
        for path, lines in zip(paths, self._sides(), strict=True):
            with path.open("w", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in islice(cycle(lines), n_lines))
        return paths

    def _sides(self) -> Iterator[list[str]]:
        if self.files is not None:
            yield from (lines_of(read_blob(path)) for path in self.files)
            return
        from trainable.data.grammar.corpus import grammar

        train = grammar(n_train=_N_SENTENCES, n_valid=1, n_test=1).splits["train"]
        pairs = train.raw if self.form == "raw" else train.tokens
        yield from (list(pairs.src), list(pairs.tgt))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=N_PAIRS)
    parser.add_argument("--form", choices=("raw", "tokenised", "segmented"), default="raw")
    parser.add_argument("--files", type=Path, nargs=2, metavar=("SRC", "TGT"))
    options = parser.parse_args()
    files = None if options.files is None else (options.files[0], options.files[1])
    print("| pairs | seconds | pairs/s | peak memory, MiB |")
    print("| ---: | ---: | ---: | ---: |")
    for part in (4, 2, 1):
        each = Preparation(n_pairs=options.pairs // part, form=options.form, files=files)
        with get_context("spawn").Pool(1) as pool:
            seconds, n_bytes = pool.apply(each.measure)
        rate = each.n_pairs / seconds
        print(
            f"| {each.n_pairs:,} | {seconds:.1f} | {rate:,.0f} | {n_bytes / 2**20:,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
