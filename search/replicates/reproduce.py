"""Reproduction of the paper's experiment: its models over several seeds, with equal budgets."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType

from search.replicates.entrant import Entrant
from search.replicates.lineup import Lineup
from search.replicates.plans import AllSeeds
from search.replicates.train import ray_for_replicates, train_replicates
from search.run.deadline import Deadline
from search.study.config import StudyConfig, put_setting, study_from
from search.study.folder import STUDIES, StudyFolder, make_study_folder
from search.study.place import settle_place
from spaces.candidate import Candidate
from spaces.errors import UserError
from spaces.kinds import listed
from spaces.layout import Layout
from spaces.presets import PRESETS


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A preset: its file in ``presets/``, settings over that, and the encoders to train."""

    file: str
    settings: tuple[str, ...] = ()  # as of --set
    encoders: Mapping[str, Layout]  # by the entrant's name


# Layouts of Models 2 to 4 without their reservoirs: whatever these add shows against them.
_DELETIONS = {text: Layout.parse(text) for text in ("LLLL", "L1L1L1L1")}
_ALL = MappingProxyType({**PRESETS, **_DELETIONS})
_PRE_NORM, _POST_NORM = ("model.norm=pre",), ("model.norm=post",)
EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType(
    {
        "small": Experiment(file="small", encoders=_ALL),
        "small-post-norm": Experiment(file="small", settings=_POST_NORM, encoders=_ALL),
        "tatoeba": Experiment(file="tatoeba", encoders=_ALL),
        "tatoeba-pre-norm": Experiment(file="tatoeba", settings=_PRE_NORM, encoders=_ALL),
        "iwslt14": Experiment(file="iwslt14", encoders=_ALL),
        "iwslt14-pre-norm": Experiment(file="iwslt14", settings=_PRE_NORM, encoders=_ALL),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReproductionOptions:
    """Options of a reproduction."""

    preset: str
    n_seeds: int  # of each model
    name: str | None  # of the study; reproduce-PRESET if absent
    data: Path | None  # folder of prepared data; the preset's if absent
    settings: Sequence[str]  # override those of the preset, as table.key=value
    by_test: bool  # choose weights by the test set, as the paper does

    @property
    def experiment(self) -> Experiment:
        """Experiment of the preset.

        Raises:
            UserError: there is no such preset.
        """
        if self.preset not in EXPERIMENTS:
            raise UserError(f"--preset '{self.preset}': use {listed(EXPERIMENTS)}")
        return EXPERIMENTS[self.preset]


def reproduce_study(
    options: ReproductionOptions, *, address: str | None, deadline: Deadline | None
) -> None:
    """Train all models with all seeds; continue an earlier, interrupted call.

    Raises:
        NotFinished: the deadline has come.
        UserError: the study's folder holds another study, or its data or settings can't be
            used.
        WorkFailed: no trial was completed.
    """
    config = reproduction_config(options)
    folder = reproduction_folder(options)
    is_new = not folder.path.exists()
    if not is_new:
        _refuse_others(folder, config)
        settle_place(folder)
    data = Path(config.data if is_new else folder.data()).resolve()
    lineup = Lineup(
        entrants=entrants(config, options.experiment.encoders),
        seeds=tuple(range(config.seed, config.seed + options.n_seeds)),
    )
    plan = AllSeeds(lineup=lineup)
    with ray_for_replicates(
        config, plan, folder=folder, data=str(data), address=address
    ) as trial_s:
        if is_new:
            with resources.as_file(_preset(options.experiment)) as file:
                make_study_folder(config, file, data, purpose="reproduce")
        train_replicates(folder, plan, address=address, deadline=deadline, expected_s=trial_s)


def reproduction_folder(options: ReproductionOptions) -> StudyFolder:
    """Folder of the reproduction, which need not exist.

    Raises:
        UserError: the settings can't be used.
    """
    return StudyFolder(STUDIES / reproduction_config(options).name)


def entrants(config: StudyConfig, encoders: Mapping[str, Layout]) -> tuple[Entrant, ...]:
    """Entrants with the given encoders, and the study's decoder."""
    return tuple(
        Entrant(
            name=name,
            candidate=Candidate(
                encoder=encoder,
                decoder=config.space.first_decoder,
                reservoir_gain=1.0,
                hyper={},
            ),
        )
        for name, encoder in encoders.items()
    )


def reproduction_config(options: ReproductionOptions) -> StudyConfig:
    """Settings of the reproduction: the preset's, with those of ``options`` over them.

    Raises:
        UserError: there is no such preset, or a setting can't be used.
    """
    experiment = options.experiment
    values = tomllib.loads(_preset(experiment).read_text(encoding="utf-8"))
    values["name"] = options.name or f"reproduce-{options.preset}"
    if options.data is not None:
        values["data"] = str(options.data)
    if options.by_test:
        values["validation"]["split"] = "test"
    for override in (*experiment.settings, *options.settings):
        put_setting(values, override)
    return study_from(values, f"preset {options.preset}")


def _refuse_others(folder: StudyFolder, config: StudyConfig) -> None:
    if folder.purpose() != "reproduce" or folder.config() != config:
        raise UserError(
            f"{folder.path} holds another study, or this reproduction with other settings; give "
            "another --name, or repeat the first command to continue it"
        )


def _preset(experiment: Experiment) -> Traversable:
    return resources.files("search.replicates") / "presets" / f"{experiment.file}.toml"
