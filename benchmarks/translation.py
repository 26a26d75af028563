"""Translation: sentences a minute of `reservoir-search translate` with the quickstart's model.

The layout that won the quickstart is trained as there, and translates raw sentences, each of
them once.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file

from benchmarks.alternate import alternate
from benchmarks.command import Options, run
from benchmarks.corpora import grammar_data
from benchmarks.machine import N_THREADS, ROOT, SEED, machine
from benchmarks.result import Report, Row, Table
from benchmarks.spread import Spread
from search.exports.translate import Translator
from search.study.config import load_study
from spaces.layout import Layout
from trainable.config import TrialConfig
from trainable.data.grammar.corpus import grammar
from trainable.export_files import CONFIG, WEIGHTS
from trainable.ranks import Ranks
from trainable.tasks.registry import load_task
from trainable.training import Training

WINNER = "L1L1L1L1L1L1"  # of the quickstart, by AUCC a million parameters
N_SENTENCES = 2000
N_ROUNDS = 3
BEAMS = (1, 5)  # greedy, and the default
GOAL = 2000  # sentences a minute


def measure(options: Options) -> Report:
    """Rates at each beam, without and with the start of a process."""
    torch.set_num_threads(N_THREADS)
    config = _config(options.data or grammar_data())
    sentences = _sentences()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        bleu = _export(config, folder)
        translator = Translator(folder)
        runs = {f"{beam}": partial(_rate, translator, sentences, beam) for beam in BEAMS}
        rates = alternate(runs, n_rounds=N_ROUNDS)
        commands = {beam: _command_rate(folder, sentences, beam) for beam in BEAMS}
    return Report(
        name="translation",
        title="Translation",
        header={
            **machine(),
            "model": f"the quickstart's: encoder {config.model.encoder}, decoder "
            f"{config.model.decoder}, d_model {config.model.d_model}; BLEU {bleu:.1f}",
            "measured": f"{N_ROUNDS} rounds of {N_SENTENCES:,} different sentences of the grammar",
        },
        tables=[
            Table(
                caption=f"Sentences a minute; the goal is {GOAL:,}",
                rows=[_row(beam, rates[f"{beam}"], commands[beam]) for beam in BEAMS],
            )
        ],
        notes=[
            "translating: from raw sentences to raw translations, in a process that is there",
            f"a command: the same with its start, for {N_SENTENCES:,} lines, once",
        ],
    )


def _row(beam: int, rates: Sequence[float], command: float) -> Row:
    return {"beam": beam, "translating": Spread.of(rates), "a command": command}


def _config(data: Path) -> TrialConfig:
    """Training of the quickstart's winner."""
    study = load_study(ROOT / "studies/quickstart.toml", [])
    layouts = {"encoder": Layout.parse(WINNER), "decoder": Layout.parse("L")}
    return TrialConfig(
        data=str(data.resolve()),
        seed=SEED,
        model=study.model.model_copy(update=layouts),
        train=study.train,
        validation=study.validation,
        budget=study.budget,
    )


def _export(config: TrialConfig, folder: Path) -> float:
    """Train, and write what ``translate`` reads of an export; the best BLEU."""
    training, task = Training(config, ranks=Ranks()), load_task(config.data)
    scores = [point.score for point in training.points()]
    save_file(training.checkpoint().best_weights, folder / WEIGHTS)
    (folder / CONFIG).write_text(config.model_dump_json(), encoding="utf-8")
    for name in task.vocabulary_files:
        shutil.copyfile(task.folder / name, folder / name)
    task.manifest.save(folder)
    return max(scores)


def _sentences() -> list[str]:
    """Sentences of another seed than those of training."""
    corpus = grammar(seed=SEED + 1, n_train=N_SENTENCES, n_valid=1, n_test=1)
    return list(corpus.splits["train"].raw.src)


def _rate(translator: Translator, sentences: Sequence[str], beam: int) -> float:
    start = time.perf_counter()
    n_lines = sum(1 for _ in translator.translate(sentences, beam=beam))
    return 60 * n_lines / (time.perf_counter() - start)


def _command_rate(folder: Path, sentences: Sequence[str], beam: int) -> float:
    command = [sys.executable, "-m", "search", "translate", str(folder), "--beam", str(beam)]
    start = time.perf_counter()
    done = subprocess.run(
        command,
        input="".join(f"{sentence}\n" for sentence in sentences),
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        check=True,
    )
    return 60 * done.stdout.count("\n") / (time.perf_counter() - start)


if __name__ == "__main__":
    run(measure, __doc__)
