"""``fairseq-train.sh`` of an export: the command that trains its layout, and what it leaves out."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from trainable.config import TrainConfig


def export_name(path: str) -> str:
    """Name of another export, as ``my/export``: not where its owner keeps it, in one line."""
    return " ".join(str(Path(*Path(path).parts[-2:])).split())


def left_out(train: TrainConfig, arguments: Sequence[str]) -> list[str]:
    """Parts of the training that ``fairseq-train ARGUMENTS`` leaves out, a sentence each."""
    sentences = []
    if train.init_from is not None:
        sentences.append(
            f"Starts from new weights: this layout started from the encoder of "
            f"{export_name(train.init_from)}."
        )
    if train.distill is not None:
        sentences.append(
            "Without its teacher: fairseq has no word-level distillation, and learns from the "
            "references alone."
        )
    if train.label_smoothing and "--label-smoothing" not in arguments:
        sentences.append(
            f"Without its label smoothing of {train.label_smoothing:g}: fairseq's criterion of "
            "this task has none."
        )
    return sentences


def train_script(arguments: Sequence[str], *, notes: Sequence[str] = ()) -> str:
    """Shell script that trains the layout with fairseq and asks Python for the plug-in's place.

    Args:
        arguments: the words of ``fairseq-train``, the data folder first, by its path from the
            script's folder; the script runs nothing that one of them may hold.
        notes: comments, a line each.
    """
    data, *options = arguments
    user_dir = "\"$(python -c 'import trainable; print(trainable.__path__[0])')\""
    words = [word for word in options if word != "--user-dir"]
    place = options.index("--user-dir") + 1
    words.remove(options[place])
    comments = "".join(f"# {note}\n" for note in notes)
    return (
        "#!/usr/bin/env bash\n"
        "# Trains this layout with fairseq itself; the data folder may be given instead.\n"
        f"{comments}"
        "set -euo pipefail\n"
        f'data="$(cd -- "$(dirname -- "${{BASH_SOURCE[0]}}")" && pwd)"/{shlex.quote(data)}\n'
        f'fairseq-train "${{1:-$data}}" --user-dir {user_dir} {shlex.join(words)} "${{@:2}}"\n'
    )
