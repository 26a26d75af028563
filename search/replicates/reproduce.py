"""The paper's experiment: its models over several seeds, with the same budget."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from search.replicates.entrant import Entrant
from search.replicates.lineup import Lineup
from search.replicates.plans import AllSeeds
from search.replicates.train import train_replicates
from search.storage import check_storage
from search.study_config import StudyConfig, put_setting, study_from
from search.study_folder import STUDIES, StudyFolder, make_study_folder
from search.tracking.store import check_store
from spaces.candidate import Candidate
from spaces.errors import UserError
from spaces.layout import Layout
from spaces.presets import PRESETS
from trainable.corpus import load_corpus
from trainable.model_size import dimensions

PRESET_NAMES = ("small", "iwslt14")
MODEL0 = "model0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a reproduction is made of."""

    preset: str
    n_seeds: int
    name: str | None  # of the study; after the preset if absent
    data: Path | None  # prepared; the preset's if absent
    settings: Sequence[str]  # put over the preset's, as table.key=value
    by_test: bool  # steer by the test set, as the paper does


def reproduce_study(asked: Asked, *, address: str | None) -> StudyFolder:
    """Train all models with all seeds, going on where an earlier call was interrupted.

    Raises:
        UserError: the study's folder holds something else, or its data or settings can't be
            used.
        WorkFailed: no trial was completed.
    """
    config = _config(asked)
    folder = _folder(config, asked.preset)
    lineup = Lineup(
        entrants=entrants(config), seeds=tuple(range(config.seed, config.seed + asked.n_seeds))
    )
    lineup.save(folder.path)
    train_replicates(folder, AllSeeds(lineup=lineup), address=address)
    return folder


def entrants(config: StudyConfig) -> tuple[Entrant, ...]:
    """The paper's models, both readings of the sharing, with the study's decoder."""
    return tuple(
        Entrant(
            name=name,
            candidate=Candidate(
                encoder=encoder,
                decoder=Layout.parse(f"(L)*{config.space.decoder_depth[0]}"),
                reservoir_gain=1.0,
                hyper={},
            ),
        )
        for name, encoder in PRESETS.items()
    )


def _config(asked: Asked) -> StudyConfig:
    if asked.preset not in PRESET_NAMES:
        raise UserError(f"--preset '{asked.preset}': use {' or '.join(PRESET_NAMES)}")
    values = tomllib.loads(_preset(asked.preset).read_text(encoding="utf-8"))
    values["name"] = asked.name or f"reproduce-{asked.preset}"
    if asked.data is not None:
        values["data"] = str(asked.data)
    if asked.by_test:
        values["validation"]["split"] = "test"
    for override in asked.settings:
        put_setting(values, override)
    return study_from(values, f"preset {asked.preset}")


def _folder(config: StudyConfig, preset: str) -> StudyFolder:
    """The study's folder, made where there is none."""
    folder = StudyFolder(STUDIES / config.name)
    if not folder.path.exists():
        check_store(config)
        check_storage(config)
        dimensions(config.model, load_corpus(str(Path(config.data).resolve())))
        return _made(config, preset)
    if folder.purpose() != "reproduce" or folder.config() != config:
        raise UserError(
            f"{folder.path}: something else stands there than this reproduction; give another "
            "--name, or repeat the command that began it to go on"
        )
    return folder


def _made(config: StudyConfig, preset: str) -> StudyFolder:
    with resources.as_file(_preset(preset)) as file:
        return make_study_folder(config, file, Path(config.data), purpose="reproduce")


def _preset(name: str) -> Traversable:
    return resources.files("search.replicates") / "presets" / f"{name}.toml"
