"""Classification: encoders with frozen random layers, from scratch and from masked words.

Accuracy on TREC, SST-2 and SUBJ (cross-validation) of a learned encoder, of one with reservoirs,
of its deletion and of one that is wholly random with a learned head (Wieting and Kiela 2019); then
on TREC and SST-2 from the encoder of a masked language model against from scratch. ``--data`` is a
folder with the corpora's files, plain or packed, in UTF-8. Each ended training is a line of
``classification.jsonl`` in ``--out``: the same command goes on where it was interrupted.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.by_seed import (
    NOTES,
    Group,
    Trained,
    by_seed,
    comparison,
    mean_of,
    minutes,
    train_all,
)
from benchmarks.command import Options, run
from benchmarks.corpora import CACHE
from benchmarks.exported_studies import exported_study
from benchmarks.machine import machine
from benchmarks.result import Report, Row, Table
from spaces.errors import UserError
from spaces.layout import NO_DECODER, Layout
from trainable.config import Budget, ModelConfig, TrainConfig, TrialConfig, ValidationConfig
from trainable.data.blobs import find_path
from trainable.data.labelled import Fold, labelled
from trainable.data.manifest import Manifest
from trainable.data.monolingual import monolingual
from trainable.data.prepare_sentences import prepare_sentences
from trainable.data.sentences import Sentences
from trainable.data.split_files import SplitFiles

LANGUAGE = "en"
N_MERGES = 2000  # of each classification corpus
FILES = {  # train, valid, test
    "TREC": ("TREC.train.all", None, "TREC.test.all"),
    "SST-2": ("stsa.binary.train", "stsa.binary.dev", "stsa.binary.test"),
    "SUBJ": ("subj.all", None, None),
}
TEXT = "tatoeba.en"  # English sentences for the masked language model, one a line
N_TEXT_MERGES = 4000
N_FOLDS = 10  # of SUBJ, which has no splits of its own

MODEL_0, WITH, WITHOUT, RANDOM = "LLLL", "RLRL", "LL", "RRRR"
ENCODERS = (MODEL_0, WITH, WITHOUT, RANDOM)
COMPARED = ((WITH, WITHOUT), (WITH, MODEL_0), (RANDOM, MODEL_0), (RANDOM, WITHOUT))
SEEDS = (1, 2, 3, 4)
N_UPDATES = 200  # of 1,024 tokens
N_POINTS = 10  # of each curve

TUNED = ("TREC", "SST-2")
PRETRAINED = (MODEL_0, WITH)
TUNED_SEEDS = (1, 2, 3)
N_MASKED_UPDATES = 600  # of 2,048 tokens
STARTS = ("masked words", "scratch")

D_MODEL, FFN = 64, 128


def measure(options: Options) -> Report:
    """Accuracy by encoder, and by what the training starts from."""
    if options.data is None:
        raise UserError(f"--data is missing: the folder of {', '.join(_names())}")
    files, place = options.data, CACHE / "classification"
    scratch = train_all(_from_scratch(files, place), options.out / "classification.jsonl")
    tuned = train_all(_fine_tuned(files, place), options.out / "classification.jsonl")
    return Report(
        name="classification",
        title="Sentence classification: reservoirs, random encoders, and a start from masked words",
        header={
            **machine(),
            "threads": "1",
            "data": "; ".join(f"{task}: {_described(place, task)}" for task in FILES),
            "masked words": f"{_sentences(place / 'text'):,} sentences, {N_MASKED_UPDATES} updates "
            "of 2,048 tokens",
            "seed": f"{_listed(SEEDS)}; SUBJ: that of the fold; masked words: "
            f"{_listed(TUNED_SEEDS)}",
            "size": f"{N_UPDATES} updates of 1,024 tokens; `d_model` {D_MODEL}, pre-norm",
            "cost": f"{minutes(scratch) + minutes(tuned):.0f} minutes with one thread, those "
            "of masked words left out",
        },
        tables=[*_tables_of_encoders(scratch), *_tables_of_starts(tuned)],
        notes=[
            *NOTES,
            (
                f"SUBJ is of {N_FOLDS} folds, each with another seed; the training sets of folds "
                "overlap, so that its intervals are too narrow"
            ),
            f"`{RANDOM}`: its embeddings, last LayerNorm and head learn, its layers do not",
            "AUCC is of the accuracy on the validation set over updates",
        ],
    )


def _tables_of_encoders(scratch: Trained) -> Iterator[Table]:
    yield Table(
        caption="From scratch: accuracy on the test set, percent",
        rows=[_encoder_row(scratch, encoder) for encoder in ENCODERS],
    )
    for task in FILES:
        pairs = [((task, one), (task, other)) for one, other in COMPARED]
        yield comparison(scratch, pairs, "test", f"{task}: accuracy, first − second")
        yield comparison(scratch, pairs, "aucc", f"{task}: AUCC, first ÷ second")
    yield by_seed(scratch)


def _tables_of_starts(tuned: Trained) -> Iterator[Table]:
    yield Table(
        caption="From masked words, and from scratch with the same vocabulary",
        rows=[_start_row(tuned, group) for group in tuned],
    )
    pairs = [
        ((task, encoder, STARTS[0]), (task, encoder, STARTS[1]))
        for task, encoder in itertools.product(TUNED, PRETRAINED)
    ]
    yield comparison(tuned, pairs, "test", "Accuracy, from masked words − from scratch")
    yield comparison(tuned, pairs, "aucc", "AUCC, from masked words ÷ from scratch")
    yield by_seed(tuned)


def _encoder_row(trained: Trained, encoder: str) -> Row:
    first = trained["TREC", encoder][0]
    return {
        "encoder": f"`{encoder}`",
        "M params, TREC": f"{first.n_params / 1e6:.3f}",
        **{task: mean_of(trained, (task, encoder), "test") for task in FILES},
    }


def _start_row(trained: Trained, group: Group) -> Row:
    task, encoder, start = group
    return {
        "task": task,
        "encoder": f"`{encoder}`",
        "start": start,
        "accuracy, test": mean_of(trained, group, "test"),
        "AUCC": mean_of(trained, group, "aucc"),
    }


def _from_scratch(files: Path, place: Path) -> dict[Group, list[TrialConfig]]:
    folders = {task: _folders(files, place, task) for task in FILES}
    return {
        (task, encoder): [
            trial_config(folder, encoder, seed) for seed, folder in enumerate(folders[task], 1)
        ]
        for task, encoder in itertools.product(FILES, ENCODERS)
    }


def _fine_tuned(files: Path, place: Path) -> dict[Group, list[TrialConfig]]:
    """Trainings from the exports and from scratch, on the same data in the exports' words."""
    text = _prepared(
        place / "text",
        partial(monolingual, SplitFiles(train=(_file(files, TEXT),)), language=LANGUAGE),
        task="masked_lm",
        n_merges=N_TEXT_MERGES,
    )
    folders = {task: _labelled(files, place, task, vocabulary=text) for task in TUNED}
    exports = {
        (encoder, seed): masked_export(place, text, encoder, seed)
        for encoder, seed in itertools.product(PRETRAINED, TUNED_SEEDS)
    }
    return {
        (task, encoder, start): [
            trial_config(
                folders[task],
                encoder,
                seed,
                export=exports[encoder, seed] if start == STARTS[0] else None,
            )
            for seed in TUNED_SEEDS
        ]
        for task, encoder, start in itertools.product(TUNED, PRETRAINED, STARTS)
    }


def masked_export(place: Path, text: Path, encoder: str, seed: int) -> Path:
    """Export of a masked language model, trained as a study of its own where it is not there."""
    return exported_study(
        place,
        f"masked-{encoder}-{seed}",
        data=str(text),
        seed=seed,
        space={"encoder": [encoder]},
        model={"d_model": D_MODEL, "ffn": FFN, "dropout": 0.1},
        train={"lr": 3e-3, "warmup_updates": N_MASKED_UPDATES // 4, "batch_tokens": 2048},
        validation={"interval_updates": N_MASKED_UPDATES // 3, "n_sentences": 500},
        budget={"updates": N_MASKED_UPDATES},
    ).export


def trial_config(
    folder: Path, encoder: str, seed: int, *, export: Path | None = None
) -> TrialConfig:
    """Settings of a training: the same for all but for encoder, data and start."""
    return TrialConfig(
        data=str(folder),
        seed=seed,
        model=ModelConfig(
            encoder=Layout.parse(encoder),
            decoder=NO_DECODER,
            d_model=D_MODEL,
            ffn=FFN,
            dropout=0.2,
        ),
        train=TrainConfig(
            lr=2e-3,
            warmup_updates=max(1, N_UPDATES // 4),
            batch_tokens=1024,
            label_smoothing=0.0,
            init_from=None if export is None else str(export),
        ),
        validation=ValidationConfig(interval_updates=max(1, N_UPDATES // N_POINTS)),
        budget=Budget(updates=N_UPDATES),
    )


def _folders(files: Path, place: Path, task: str) -> list[Path]:
    """Prepared data of each seed: a fold each where the corpus has no splits of its own."""
    if FILES[task][1:] == (None, None):
        folds = [Fold(number=number, n_folds=N_FOLDS) for number in range(1, N_FOLDS + 1)]
        return [_labelled(files, place, task, fold=fold) for fold in folds]
    return [_labelled(files, place, task)] * len(SEEDS)


def _labelled(
    files: Path,
    place: Path,
    task: str,
    *,
    fold: Fold | None = None,
    vocabulary: Path | None = None,
) -> Path:
    train, valid, test = FILES[task]
    parts = SplitFiles(
        train=(_file(files, train),),
        valid=None if valid is None else _file(files, valid),
        test=None if test is None else _file(files, test),
    )
    name = task if fold is None else f"{task}-{fold.number}"
    return _prepared(
        place / (name if vocabulary is None else f"{name}-in-words-of-{vocabulary.name}"),
        partial(labelled, parts, language=LANGUAGE, fold=fold),
        task="classification",
        n_merges=N_MERGES,
        vocabulary=vocabulary,
    )


def _prepared(
    folder: Path,
    read: Callable[[], Sentences],
    *,
    task: str,
    n_merges: int,
    vocabulary: Path | None = None,
) -> Path:
    if not folder.exists():
        prepare_sentences(read, folder, task=task, n_merges=n_merges, vocabulary=vocabulary)
    return folder


def _file(files: Path, name: str) -> Path:
    path = find_path(files, name)
    if path is None:
        raise UserError(f"--data {files}: holds neither {name} nor {name}.gz; add the file")
    return path


def _names() -> list[str]:
    return [name for names in FILES.values() for name in names if name is not None] + [TEXT]


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def _sentences(folder: Path) -> int:
    return Manifest.load(folder).counts["train"].n_sentences


def _described(place: Path, task: str) -> str:
    folds = FILES[task][1:] == (None, None)
    folder = place / (f"{task}-1" if folds else task)
    counts = " / ".join(f"{each.n_sentences:,}" for each in Manifest.load(folder).counts.values())
    return f"{counts} sentences{f', the first of {N_FOLDS} folds' if folds else ''}"


if __name__ == "__main__":
    run(measure, __doc__)
