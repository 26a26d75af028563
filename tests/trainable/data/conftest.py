from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from trainable.data.corpus import Pairs, ParallelText, from_raw
from trainable.data.grammar.corpus import grammar
from trainable.data.prepare import prepare

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"


@pytest.fixture
def shared_data() -> Callable[[str], Path]:
    """A folder of the data beside the repository, or a skip that says which is absent."""

    def find(name: str) -> Path:
        if not (SHARED / name).exists():
            pytest.skip(f"needs ../shared/data/{name}, which is not here")
        return SHARED / name

    return find


@pytest.fixture
def write() -> Callable[[Path, Sequence[str]], Path]:
    """Write lines as a text file, gzip if its name ends so."""

    def write_lines(path: Path, lines: Sequence[str]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        data = "".join(f"{line}\n" for line in lines).encode()
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
        return path

    return write_lines


@pytest.fixture
def tiny_corpus() -> ParallelText:
    raw = Pairs(
        src=["Ein Hund & eine Katze.", "„Das“ Haus ist groß!", "Wir sehen's nicht."],
        tgt=["A dog & a cat.", 'The "house" is big!', "We don't see it."],
    )
    split = from_raw(raw, src="de", tgt="en")
    return ParallelText(
        name="tiny",
        src="de",
        tgt="en",
        splits={"train": split, "valid": split, "test": split},
        licence="none",
    )


@pytest.fixture(scope="session")
def grammar_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small prepared corpus that tests only read."""
    out = tmp_path_factory.mktemp("data") / "grammar"
    prepare(lambda: grammar(n_train=300, n_valid=30, n_test=20), out, n_merges=200)
    return out
