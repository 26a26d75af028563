"""Reproduction of the paper's experiment: its models over several seeds, with equal budgets."""

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
from search.replicates.train import ray_for_replicates, train_replicates
from search.study.config import StudyConfig, put_setting, study_from
from search.study.folder import STUDIES, StudyFolder, make_study_folder
from spaces.candidate import Candidate
from spaces.errors import UserError
from spaces.layout import Layout
from spaces.presets import PRESETS

PRESET_NAMES = ("small", "iwslt14")
MODEL0 = "model0"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReproductionOptions:
    """Options of a reproduction."""

    preset: str
    n_seeds: int  # of each model
    name: str | None  # of the study; reproduce-PRESET if absent
    data: Path | None  # folder of prepared data; the preset's if absent
    settings: Sequence[str]  # override those of the preset, as table.key=value
    by_test: bool  # choose weights by the test set, as the paper does


def reproduce_study(options: ReproductionOptions, *, address: str | None) -> StudyFolder:
    """Train all models with all seeds; continue an earlier, interrupted call.

    Raises:
        UserError: the study's folder holds another study, or its data or settings can't be
            used.
        WorkFailed: no trial was completed.
    """
    config = _config(options)
    folder = StudyFolder(STUDIES / config.name)
    is_new = not folder.path.exists()
    if not is_new:
        _refuse_others(folder, config)
    data = Path(config.data if is_new else folder.data()).resolve()
    lineup = Lineup(
        entrants=entrants(config), seeds=tuple(range(config.seed, config.seed + options.n_seeds))
    )
    plan = AllSeeds(lineup=lineup)
    with ray_for_replicates(config, plan, folder=folder, data=str(data), address=address):
        if is_new:
            with resources.as_file(_preset(options.preset)) as file:
                make_study_folder(config, file, data, purpose="reproduce")
        train_replicates(folder, plan, address=address)
    return folder


def entrants(config: StudyConfig) -> tuple[Entrant, ...]:
    """The paper's models, with both readings of its sharing, and the study's decoder."""
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


def _config(options: ReproductionOptions) -> StudyConfig:
    if options.preset not in PRESET_NAMES:
        raise UserError(f"--preset '{options.preset}': use {' or '.join(PRESET_NAMES)}")
    values = tomllib.loads(_preset(options.preset).read_text(encoding="utf-8"))
    values["name"] = options.name or f"reproduce-{options.preset}"
    if options.data is not None:
        values["data"] = str(options.data)
    if options.by_test:
        values["validation"]["split"] = "test"
    for override in options.settings:
        put_setting(values, override)
    return study_from(values, f"preset {options.preset}")


def _refuse_others(folder: StudyFolder, config: StudyConfig) -> None:
    if folder.purpose() != "reproduce" or folder.config() != config:
        raise UserError(
            f"{folder.path} holds another study, or this reproduction with other settings; give "
            "another --name, or repeat the first command to continue it"
        )


def _preset(name: str) -> Traversable:
    return resources.files("search.replicates") / "presets" / f"{name}.toml"
