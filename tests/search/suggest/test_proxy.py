"""A proxy discards by rank, trains an even share of what it speaks against, and tells both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from search.replay.settings import replayed_study
from search.report.scored_trials import scored
from search.report.sections.correlations import correlations
from search.report.sections.endings import endings
from search.report.trials_table import study_json
from search.study.config import ProxyConfig
from search.suggest.proxy import N_AT_FIRST, Proxy
from search.suggest.proxy_tally import in_words, tally_proxy
from spaces.errors import UserError
from tests.search.command_line import reservoir_search, study_toml
from tests.search.replay.tables import made_table
from tests.search.report_studies import read_study, searched_study
from trainable.config import TrialConfig
from trainable.dynamics.measure import DYNAMICS_MEASURES, untrained_dynamics


def proxy_of(values: list[float | None], **settings: Any) -> Proxy:
    left = iter(values)
    config = ProxyConfig(**{"measure": "lyapunov", "prefer": "low", "audit": 0.0} | settings)
    return Proxy(config, lambda trial: next(left))


def verdicts(values: list[float | None], trial: TrialConfig, **settings: Any) -> list[str | None]:
    proxy = proxy_of(values, **settings)
    found = [
        proxy.judge(trial, key=str(number), always_keep=False) for number in range(len(values))
    ]
    return [None if each is None else each.verdict for each in found]


FIRST = [float(n) for n in range(N_AT_FIRST)]


def test_nothing_is_discarded_before_there_is_something_to_compare_with(tiny_trial):
    assert verdicts(FIRST, tiny_trial) == ["kept"] * N_AT_FIRST


@pytest.mark.parametrize(("prefer", "expected"), [("low", "discarded"), ("high", "kept")])
def test_the_side_that_is_preferred_is_kept(tiny_trial, prefer, expected):
    assert verdicts([*FIRST, 100.0], tiny_trial, prefer=prefer)[-1] == expected
    opposite = {"kept": "discarded", "discarded": "kept"}[expected]
    assert verdicts([*FIRST, -100.0], tiny_trial, prefer=prefer)[-1] == opposite


@pytest.mark.parametrize(("keep", "expected"), [(0.2, "discarded"), (0.3, "kept")])
def test_the_share_that_is_kept_is_counted_over_all_measured(tiny_trial, keep, expected):
    assert verdicts([*FIRST, 1.5], tiny_trial, keep=keep)[-1] == expected  # 2 of 9 are better


def test_an_even_share_of_the_rest_is_trained_all_the_same(tiny_trial):
    found = verdicts([*FIRST, *(100.0 + n for n in range(20))], tiny_trial, audit=0.25)
    assert found[N_AT_FIRST:] == ["discarded", "discarded", "discarded", "audited"] * 5


def test_what_has_no_measure_is_trained(tiny_trial):
    assert verdicts([*FIRST, None, 100.0], tiny_trial)[-2:] == [None, "discarded"]


def test_the_reason_names_measure_and_rule(tiny_trial):
    proxy = proxy_of([*FIRST, 100.0])
    for number in range(N_AT_FIRST + 1):
        measured = proxy.judge(tiny_trial, key=str(number), always_keep=False)
    assert proxy.reason(measured) == (
        "lyapunov 100 of the untrained encoder is not among the lowest 50% of 9 suggestions"
    )
    assert proxy.discarded == {str(N_AT_FIRST)}


def test_the_untrained_encoder_has_the_same_measures_each_time(tiny_trial):
    measures = untrained_dynamics(tiny_trial)
    assert measures == untrained_dynamics(tiny_trial)
    assert set(measures) <= set(DYNAMICS_MEASURES)
    assert "lyapunov" in measures


@pytest.fixture
def study(tiny_study, tmp_path: Path, small_grammar: Path):
    """A study whose proxy prefers many layers, with outcomes that are made up."""
    config = tiny_study(
        space={"depth": [2, 3, 4]},
        search={
            "n_trials": 20,
            "algorithm": "random",
            "proxy": {"measure": "lyapunov", "prefer": "high", "audit": 0.34},
        },
    )
    chosen = config.search.proxy
    proxy = Proxy(chosen, lambda trial: float(trial.model.encoder.depth))
    return read_study(searched_study(config, tmp_path / "s", small_grammar, proxy=proxy))


def test_the_tally_counts_what_the_journal_holds(study):
    tally = tally_proxy(study.config, study.records, study.suggestions)
    marks = [trial.user_attrs for trial in study.suggestions.trials]
    assert tally.n_measured == sum("proxy" in attrs for attrs in marks)
    again = [attrs for attrs in marks if "discarded" in attrs and "proxy" not in attrs]
    assert tally.n_discarded == sum("discarded" in attrs for attrs in marks) - len(again) > 0
    assert tally.n_audited == sum("audited" in attrs for attrs in marks) > 0
    assert tally.n_measured >= tally.n_discarded + len(study.records)
    ended = [r.clock for r in study.records if r.state in ("completed", "stopped")]
    assert tally.saved == pytest.approx(tally.n_discarded * sum(ended) / len(ended))
    assert tally.best == study.best.objective
    assert tally.best_audited <= tally.best
    assert all(record.proxy == record.encoder.depth for record in study.records)


def test_show_and_report_tell_what_was_saved_and_lost(study):
    tally = tally_proxy(study.config, study.records, study.suggestions)
    saved, lost, predicted = in_words(tally, study.config)
    assert f"{tally.n_discarded} of {tally.n_measured} candidates measured" in saved
    assert f"{tally.n_audited} of those it spoke against were trained all the same" in lost
    assert ("too few" in predicted) == (tally.correlation is None)
    assert study_json(study.folder)["proxy"] == json.loads(json.dumps(tally.to_dict()))
    assert saved in str(correlations(study).body)
    is_told = "Importances count stopped trials too" in str(correlations(study).body)
    assert is_told
    assert any(trial.is_forecast for trial in scored(study))
    n_discarded = len(study.suggestions.discards)  # a candidate may be suggested again
    assert f"{n_discarded} discarded by the proxy" in str(endings(study).body)


def test_without_an_audit_it_is_said_that_the_loss_is_not_known(study):
    records = [r for r in study.records if r.proxy is not None]
    marks = [t for t in study.suggestions.trials if "audited" not in t.user_attrs]
    suggestions = type(study.suggestions)(marks)
    tally = tally_proxy(study.config, records, suggestions)
    assert "what was lost is not known" in in_words(tally, study.config)[1]


def test_a_replay_has_nothing_to_measure(tiny_study):
    settings = ["search.proxy.measure=lyapunov", "search.proxy.prefer=low"]
    with pytest.raises(UserError, match="a table has no models to measure"):
        replayed_study(made_table(tiny_study()), settings)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_real_study_measures_its_models(small_grammar: Path, tmp_path: Path):
    search = (
        'algorithm = "random"\nn_trials = 12\n'
        '[search.proxy]\nmeasure = "lyapunov"\nprefer = "low"\nkeep = 0.3'
    )
    (tmp_path / "mine.toml").write_text(
        study_toml(small_grammar, space="depth = [2, 3, 4, 5]\ndecoder_depth = 1", search=search)
    )
    done = reservoir_search("run", "mine.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "proxy lyapunov: " in done.stdout
    shown = json.loads(reservoir_search("show", "mine", "--json", cwd=tmp_path).stdout)
    assert shown["proxy"]["n_discarded"] > 0
    records = [
        json.loads(line)
        for line in (tmp_path / "studies" / "mine" / "trials.jsonl").read_text().splitlines()
    ]
    for record in records[:3]:
        config = TrialConfig.model_validate(record["config"])
        assert record["proxy"] == pytest.approx(untrained_dynamics(config)["lyapunov"], rel=1e-9)
    checked = reservoir_search("doctor", "mine", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
