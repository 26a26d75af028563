from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import torch

from search.costs.duration import likely_seconds, work_seconds
from search.costs.need import (
    Need,
    Process,
    disk_needs,
    refuse_full_disk,
    refuse_full_memory,
    work_need,
)
from search.costs.pace import Pace, measured_pace
from search.costs.study_sizes import middle_size
from search.costs.units import human_bytes, human_seconds
from search.costs.work import Work, replicates_work, search_work
from search.study.config import StudyConfig
from search.study.references import model0_candidates
from search.study.storage import Storage
from search.study.trial_record import TrialRecord
from spaces.chooser import FixedChooser
from spaces.errors import UserError
from tests.search.command_line import environment, reservoir_search, study_toml
from trainable.checkpoint import save_checkpoint
from trainable.config import RanksConfig, TrialConfig
from trainable.ranks import Ranks
from trainable.training import Training, run_trial

Make = Callable[..., StudyConfig]
WorkOf = Callable[[StudyConfig], Work]

NO_PROCESS = Process(private_bytes=0, shared_bytes=0)
LARGEST = {"depth": 3, "n_reservoirs": 0, "share_learned": "none"}
WIDE = {"d_model": 64, "ffn": 128, "heads": 2}


@pytest.fixture
def work_of(small_grammar: Path) -> WorkOf:
    return lambda config: search_work(config, str(small_grammar))


def largest_trial(config: StudyConfig, data: Path) -> TrialConfig:
    """The trial of the space with the most layers, none of them shared or frozen."""
    return config.trial(config.space.choose(FixedChooser(LARGEST)), data=str(data))


def bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_a_checkpoint_takes_what_the_estimate_says(
    tiny_study: Make,
    work_of: WorkOf,
    small_grammar: Path,
    tmp_path: Path,
):
    config = tiny_study(model=WIDE, budget={"updates": 4}, scheduler={"grace": 2})
    need = work_need(work_of(config), n_concurrent=1, process=NO_PROCESS)
    training = Training(largest_trial(config, small_grammar), ranks=Ranks())
    for _ in training.points():
        save_checkpoint(training.checkpoint(), tmp_path)
    # Names, shapes and the curve come on top.
    assert need.checkpoint_bytes < bytes_in(tmp_path) < 1.1 * need.checkpoint_bytes
    # Three checkpoints of a running trial; of three kept ones the weights alone, a quarter each.
    assert need.stored_bytes == pytest.approx(3.75 * need.checkpoint_bytes)


def test_more_trials_at_once_need_more_and_a_whole_front_is_kept(tiny_study: Make, work_of: WorkOf):
    config = tiny_study(search={"n_trials": 10})
    process = Process(private_bytes=300, shared_bytes=200)

    def need(config: StudyConfig, n_concurrent: int) -> Need:
        return work_need(work_of(config), n_concurrent=n_concurrent, process=process)

    one, two = need(config, 1), need(config, 2)
    assert two.stored_bytes - one.stored_bytes == 3 * one.checkpoint_bytes
    assert one.all_ranks_bytes == one.rank_bytes == 500 + one.model_bytes
    assert two.all_ranks_bytes == 200 + 2 * (300 + one.model_bytes)
    front = tiny_study(
        search={"n_trials": 10, "algorithm": "tpe"},
        objective={"name": "pareto"},
        scheduler={"name": "none"},
    )
    # Ten kept weights instead of three, each a quarter of a checkpoint.
    assert need(front, 1).stored_bytes - one.stored_bytes == 7 * one.checkpoint_bytes // 4


def test_a_gpu_holds_the_model_instead_of_the_host(tiny_study: Make, work_of: WorkOf):
    config = tiny_study(ranks={"gpus_per_rank": 1.0})
    need = work_need(
        work_of(config),
        n_concurrent=2,
        process=Process(private_bytes=300, shared_bytes=200),
    )
    assert need.rank_bytes == 500
    assert need.model_bytes > 1_000_000


def test_settings_that_are_searched_count_with_their_ends(tiny_study: Make, work_of: WorkOf):
    wide = {"model.ffn": {"low": 32, "high": 4096}, "train.lr": [1e-3, 3e-3]}
    work = work_of(tiny_study(space={"hyper": wide}))
    assert {size.trial.model.ffn for size in work.sizes} == {32, 4096}
    bounded = tiny_study(space={"hyper": wide}, objective={"max_mparams": 0.1})
    assert {size.trial.model.ffn for size in work_of(bounded).sizes} == {32}


NEED = Need(
    n_concurrent=2,
    checkpoint_bytes=1000,
    stored_bytes=6000,
    record_bytes=400,
    model_bytes=50,
    rank_bytes=550,
    all_ranks_bytes=900,
)


def test_a_disk_with_a_byte_too_little_is_refused(
    tiny_study: Make, work_of: WorkOf, tmp_path: Path
):
    remedy = work_of(tiny_study()).remedies.disk
    refuse_full_disk({tmp_path: 6400}, lambda folder: 6400, remedy=remedy)
    with pytest.raises(UserError, match=r"need up to .* of disk, and .* are free; make room"):
        refuse_full_disk({tmp_path: 6400}, lambda folder: 6399, remedy=remedy)


def test_folders_on_one_disk_share_its_free_bytes(tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    refuse_full_disk({tmp_path: 60}, lambda folder: 100, remedy="make room")
    with pytest.raises(UserError, match=r"need up to .* of disk"):
        refuse_full_disk({tmp_path: 60, other: 60}, lambda folder: 100, remedy="make room")


def test_each_need_counts_on_the_disk_that_it_goes_to(tmp_path: Path):
    here, studies = tmp_path.resolve(), tmp_path / "studies"
    assert disk_needs(NEED, studies, None) == {here: 6400}
    shared = here / "shared"
    assert disk_needs(NEED, studies, Storage.at(shared)) == {here: 400, shared: 6000}
    bucket = Storage.at("s3://bucket/x?endpoint_override=127.0.0.1:9&scheme=http&region=x")
    assert disk_needs(NEED, studies, bucket) == {here: 400}
    studies.mkdir()  # which may be another disk's
    assert disk_needs(NEED, studies, None) == {here / "studies": 6400}


def test_memory_with_a_byte_too_little_is_refused(tiny_study: Make, work_of: WorkOf):
    remedy = work_of(tiny_study()).remedies.memory
    refuse_full_memory(NEED, RanksConfig(), 900, remedy=remedy)
    with pytest.raises(UserError, match=r"2 trials at once .* lower search\.n_concurrent"):
        refuse_full_memory(NEED, RanksConfig(), 899, remedy=remedy)


PACE = Pace(flops_per_s=1e9, validation_s=0.0)


def test_a_budget_of_seconds_is_what_a_trial_takes(tiny_study: Make, work_of: WorkOf):
    config = tiny_study(
        budget={"updates": None, "seconds": 60.0},
        objective={"clock": "seconds"},
        search={"n_trials": 6},
        scheduler={"name": "none"},
    )
    found = work_seconds(work_of(config), n_concurrent=2, pace=None)
    # Three rounds of a minute; checkpoints take at most 10 % more, the start 15 s.
    assert found == pytest.approx((180, 1.1 * 180 + 15))


def test_a_resumed_search_has_the_trials_still_to_come_ahead(
    tiny_study: Make, make_record: Callable[..., TrialRecord], small_grammar: Path
):
    config = tiny_study(search={"n_trials": 6, "references": True})
    (model0,) = model0_candidates(tiny_study(space={"depth": 2}))

    def ahead(*records: TrialRecord, retried: Sequence[int] = ()) -> tuple[int, int]:
        work = search_work(config, str(small_grammar), records=records, retried=retried)
        return work.n_least, work.n_most

    n_model0s = len(model0_candidates(config))
    assert ahead() == (6 + n_model0s, 7 + n_model0s)
    first = make_record(0, key=model0.key, optuna_number=None, reference="model0")
    others = [make_record(1), make_record(2, state="failed"), make_record(3, state="stopped")]
    n_other_model0s = n_model0s - 1
    assert ahead(first, *others) == (3 + n_other_model0s, 4 + n_other_model0s)
    assert ahead(first, *others, retried=[2])[0] == 4 + n_other_model0s
    running = make_record(4, state="running")
    assert ahead(first, *others, running)[0] == 3 + n_other_model0s  # it is trained to its end
    model0s = [
        make_record(id_, key=each.key, optuna_number=None, reference="model0")
        for id_, each in enumerate(model0_candidates(config), start=10)
    ]
    ended = [make_record(id_, key=f"trained {id_}") for id_ in range(6)]
    assert ahead(*model0s, *ended) == (0, 0)


def test_a_trial_that_waits_for_all_others_adds_one_round(tiny_study: Make, work_of: WorkOf):
    config = tiny_study(
        budget={"updates": None, "seconds": 60.0},
        objective={"clock": "seconds"},
        scheduler={"name": "none", "grace": None},
    )
    work = dataclasses.replace(work_of(config), n_least=17, n_most=18, n_together=17)
    found = work_seconds(work, n_concurrent=2, pace=None)
    assert found is not None
    # Nine rounds of two, and the last trial alone.
    assert found[1] == pytest.approx(1.1 * 10 * 60 + 15)


def test_asha_may_spare_half_of_the_updates(tiny_study: Make, work_of: WorkOf):
    budget = {"updates": 400}
    with_asha = tiny_study(budget=budget, scheduler={"name": "asha", "grace": 100})
    without = tiny_study(budget=budget, scheduler={"name": "none", "grace": None})
    bounds = [
        work_seconds(work_of(config), n_concurrent=1, pace=PACE) for config in (with_asha, without)
    ]
    assert bounds[0] is not None
    assert bounds[1] is not None
    # Rungs at a quarter and a half: 1/4 + 1/2 x 1/4 + 1/4 x 1/2.
    assert bounds[0][0] == pytest.approx(0.5 * bounds[1][0])
    assert bounds[0][1] == bounds[1][1]


def test_the_likely_time_is_within_the_bounds_and_a_plain_study_keeps_to_it(
    tiny_study: Make, work_of: WorkOf
):
    seconds = {"updates": None, "seconds": 60.0}
    plain = tiny_study(
        budget=seconds, objective={"clock": "seconds"}, scheduler={"name": "none", "grace": None}
    )
    # Three rounds of two trials of a minute.
    likely = likely_seconds(work_of(plain), n_concurrent=2, pace=None)
    assert likely == pytest.approx(1.05 * 180 + 15)
    for n_trials in (1, 6, 24):
        stopped = tiny_study(
            budget={"updates": 4000},
            scheduler={"name": "asha", "grace": 1000},
            search={"n_trials": n_trials},
        )
        bounds = work_seconds(work_of(stopped), n_concurrent=2, pace=PACE)
        likely = likely_seconds(work_of(stopped), n_concurrent=2, pace=PACE)
        assert bounds is not None
        assert likely is not None
        assert bounds[0] < likely < bounds[1]
    assert likely_seconds(work_of(stopped), n_concurrent=2, pace=None) is None


def test_a_trial_takes_as_long_as_its_flops_at_the_measured_pace(tiny_study: Make, work_of: WorkOf):
    config = tiny_study(
        budget={"updates": None, "flops": 9e10},
        objective={"clock": "flops"},
        search={"n_trials": 1},
        scheduler={"name": "none"},
    )
    found = work_seconds(work_of(config), n_concurrent=1, pace=PACE)
    # 90 s of updates, each a tenth faster to a fifth slower than measured.
    assert found == pytest.approx((81, 1.1 * 1.2 * 90 + 15))
    two_ranks = config.model_copy(update={"ranks": RanksConfig(n_ranks=2)})
    halved = work_seconds(work_of(two_ranks), n_concurrent=1, pace=PACE)
    assert halved is not None
    assert halved[0] == pytest.approx(40.5)
    assert work_seconds(work_of(config), n_concurrent=1, pace=None) is None


def test_validations_take_the_measured_time_at_most(tiny_study: Make, work_of: WorkOf):
    config = tiny_study(
        budget={"updates": 100},
        validation={"interval_updates": 10},
        search={"n_trials": 1},
        scheduler={"name": "none", "grace": None},
    )
    without = work_seconds(work_of(config), n_concurrent=1, pace=PACE)
    slow = dataclasses.replace(PACE, validation_s=2.0)
    found = work_seconds(work_of(config), n_concurrent=1, pace=slow)
    assert without is not None
    assert found is not None
    # Ten of them; a trained model's outputs are shorter.
    assert found[0] - without[0] == pytest.approx(0.3 * 20)
    assert found[1] - without[1] == pytest.approx(1.1 * 20)


def test_replicates_run_to_their_ends_and_all_of_them_are_kept(
    tiny_study: Make, work_of: WorkOf, small_grammar: Path
):
    """A study's own trials may be stopped early, and the weights of three are kept."""
    config = tiny_study(
        budget={"updates": 400}, scheduler={"name": "asha", "grace": 100}, search={"n_trials": 9}
    )
    largest = config.space.choose(FixedChooser(LARGEST))
    replicates = replicates_work(
        config,
        [largest],
        str(small_grammar),
        place=small_grammar,
        n_least=6,
        n_most=9,
        n_together=9,
    )
    search = work_of(config)
    seconds = work_seconds(replicates, n_concurrent=3, pace=PACE)
    assert seconds is not None
    trial_s = (seconds[1] - 15) / 3 / 1.1 / 1.6  # three rounds of the largest model
    assert seconds[0] == pytest.approx(2 * 0.9 * trial_s)
    need, need_of_search = (
        work_need(work, n_concurrent=1, process=NO_PROCESS) for work in (replicates, search)
    )
    # Nine kept weights instead of three, each a quarter of a checkpoint.
    more = need.stored_bytes - need_of_search.stored_bytes
    assert more == 6 * need.checkpoint_bytes // 4
    # Three at a time on a machine for many: three trials start when the three before have ended.
    in_threes = dataclasses.replace(replicates, n_together=3)
    assert work_seconds(in_threes, n_concurrent=3, pace=PACE) == seconds
    in_pairs = work_seconds(in_threes, n_concurrent=2, pace=PACE)
    assert in_pairs is not None
    assert in_pairs[1] - 15 == pytest.approx(2 * (seconds[1] - 15))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Trials in this process compute with one thread, as a rank of theirs does."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_a_measured_pace_foretells_a_trial(tiny_study: Make, work_of: WorkOf):
    trial = middle_size(work_of(tiny_study()).sizes).trial
    pace = measured_pace(trial)
    point = run_trial(trial, report=lambda point: None).curve[-1]
    assert pace is not None
    # The machine's other work makes single seconds differ.
    assert 0.2 < pace.flops_per_s / (point.flops / point.seconds) < 5.0
    assert pace.validation_s > 0.0


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_trials_all_over_the_space_take_the_likely_time_within_a_factor_of_two(
    tiny_study: Make, work_of: WorkOf, small_grammar: Path
):
    config = tiny_study(
        space={
            "depth": [2, 4, 8],
            "n_reservoirs": [0, 2],
            "interleaving": "bottom",
            "share_learned": ["none", "all"],
            "decoder_depth": [1, 2],
        },
        model=WIDE,
        train={"batch_tokens": 1024},
        validation={"interval_updates": 25, "n_sentences": 50},
        budget={"updates": 50},
        scheduler={"name": "none", "grace": None},
        search={"n_trials": 8},
    )
    trials = [
        config.trial(config.space.choose(FixedChooser(point)), data=str(small_grammar))
        for point in list(config.space.points())[::3]
    ]
    assert len(trials) == 8
    work = work_of(config)

    def likely_of_eight() -> float:
        twice = dataclasses.replace(work, n_least=16, n_most=16)
        pace = measured_pace(middle_size(work.sizes).trial)
        times = [likely_seconds(each, n_concurrent=1, pace=pace) for each in (work, twice)]
        assert times[0] is not None
        assert times[1] is not None
        return times[1] - times[0]  # without the processes' start

    before = likely_of_eight()
    started = time.perf_counter()
    for trial in trials:
        run_trial(trial, report=lambda point: None)
    taken = time.perf_counter() - started
    after = likely_of_eight()  # other work may have begun or ended
    assert min(before, after) / 2 < taken < 2 * max(before, after)


def test_measuring_leaves_the_process_as_it_was_and_never_diverges(
    tiny_study: Make, work_of: WorkOf, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("search.costs.pace._MEASURED_S", 0.05)
    n_threads, random = torch.get_num_threads(), torch.random.get_rng_state()
    config = tiny_study(ranks={"cpus_per_rank": n_threads + 1}, train={"lr": 1e30})
    trial = middle_size(work_of(config).sizes).trial
    assert measured_pace(trial) is not None
    assert torch.get_num_threads() == n_threads
    assert torch.random.get_rng_state().equal(random)
    if not torch.cuda.is_available():
        on_gpu = trial.model_copy(update={"ranks": RanksConfig(gpus_per_rank=1.0)})
        assert measured_pace(on_gpu) is None


def test_bytes_and_seconds_are_written_in_the_unit_that_fits():
    assert [human_bytes(n) for n in (0, 3.25e6, 5e9, 5e12)] == [
        "0.0 MiB",
        "3.1 MiB",
        "4.7 GiB",
        "4.5 TiB",
    ]
    assert [human_seconds(s) for s in (1.25, 59, 150, 7300, 1e6)] == [
        "1.2 seconds",
        "59 seconds",
        "2.5 minutes",
        "2.0 hours",
        "12 days",
    ]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_memory_of_a_rank_is_near_what_the_estimate_says(
    tiny_study: Make, work_of: WorkOf, small_grammar: Path
):
    """A model of 100 MB that learns in a process of its own, whose peak the kernel reports."""
    config = tiny_study(
        model={"d_model": 256, "ffn": 1024, "heads": 4},
        train={"batch_tokens": 4096},
        budget={"updates": 3},
        scheduler={"grace": 2},
    )
    need = work_need(work_of(config), n_concurrent=1, process=NO_PROCESS)
    code = (
        "import json, sys\n"
        "from search.costs.need import Process\n"
        "from trainable.config import TrialConfig\n"
        "from trainable.training import run_trial\n"
        "config = TrialConfig.model_validate_json(sys.stdin.read())\n"
        "before = Process.current()\n"
        "done = run_trial(config, report=lambda point: None)\n"
        "print(json.dumps([before.private_bytes + before.shared_bytes, done.peak_memory_bytes]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=largest_trial(config, small_grammar).model_dump_json(),
        capture_output=True,
        text=True,
        check=True,
        env=environment(OMP_NUM_THREADS="1"),
    )
    before, peak = json.loads(done.stdout)
    assert 0.5 < (peak - before) / need.model_bytes < 2.0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB in memory."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts a disk")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(place)], check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this container may not mount a disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_study_that_its_disk_cannot_hold_is_refused_before_it_is_made(
    tmp_path: Path, small_grammar: Path, small_disk: Path
):
    (tmp_path / "mine.toml").write_text(
        study_toml(small_grammar, storage=f'uri = "{small_disk}"', model="d_model = 64\nffn = 128")
    )
    done = reservoir_search("run", "mine.toml", cwd=tmp_path, timeout=500)
    assert done.returncode == 2
    error = done.stderr.splitlines()[-1]
    assert error.startswith(f"error: {small_disk}: the trials need up to ")
    assert error.endswith("or lower search.n_concurrent")
    assert not (tmp_path / "studies").exists()
    assert list(small_disk.iterdir()) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_study_logs_its_estimate_and_keeps_to_it(tmp_path: Path, small_grammar: Path):
    shared = tmp_path / "shared"
    shared.mkdir()
    (tmp_path / "mine.toml").write_text(
        study_toml(small_grammar, storage=f'uri = "{shared}"', search="n_trials = 2")
    )
    done = reservoir_search("run", "mine.toml", cwd=tmp_path, timeout=500)
    assert done.returncode == 0, done.stderr
    estimates = [line for line in done.stderr.splitlines() if " estimate: " in line]
    assert "2 trials, " in estimates[0]
    assert "of disk; about " in estimates[1]
    assert "on disk: " in done.stdout
    assert list(shared.glob("mine-*/session-001/trial-000*/checkpoint_*/best.safetensors"))
    assert not (tmp_path / "studies/mine/ray").exists()
