"""What ``fairseq-train`` trains beside ours is the same model, batches and updates."""

from __future__ import annotations

import torch
from fairseq import options
from fairseq.models import build_model as build_fairseq_model

from benchmarks.fairseq_arguments import transformer_arguments
from spaces.layout import Layout
from trainable.config import TrialConfig
from trainable.models.build import build_model
from trainable.tasks.registry import load_task


def parsed(config: TrialConfig):
    parser = options.get_training_parser()
    return options.parse_args_and_arch(parser, input_args=transformer_arguments(config))


def learned(config: TrialConfig) -> TrialConfig:
    model = config.model.model_copy(update={"encoder": Layout.parse("LLLL"), "dropout": 0.1})
    return config.model_copy(update={"model": model})


def test_a_learned_layout_has_the_weights_of_fairseqs_transformer(tiny_trial: TrialConfig):
    config = learned(tiny_trial)
    corpus = load_task(config.data).corpus
    ours = build_model(
        config.model, src_dict=corpus.src_dict, tgt_dict=corpus.tgt_dict, seed=config.seed
    )
    torch.manual_seed(config.seed)
    theirs = build_fairseq_model(parsed(config), corpus.task)
    shapes = sorted(tuple(weight.shape) for weight in theirs.parameters())
    assert shapes == sorted(tuple(weight.shape) for weight in ours.parameters())


def test_depths_are_the_layouts_whatever_their_kinds(tiny_trial: TrialConfig):
    args = parsed(tiny_trial)
    assert args.arch == "transformer"
    assert args.encoder_layers == tiny_trial.model.encoder.depth
    assert args.decoder_layers == tiny_trial.model.decoder.depth


def test_batches_and_updates_are_the_trials(tiny_trial: TrialConfig):
    args = parsed(tiny_trial)
    assert args.max_tokens == tiny_trial.train.batch_tokens
    assert args.max_update == tiny_trial.budget.updates
    assert args.log_interval == tiny_trial.validation.interval_updates
    assert args.clip_norm == tiny_trial.train.clip_norm


def test_fairseq_trains_in_its_fastest_way_on_each_device(tiny_trial: TrialConfig):
    on_cpu = transformer_arguments(tiny_trial)
    ranks = tiny_trial.ranks.model_copy(update={"gpus_per_rank": 1.0})
    on_gpu = transformer_arguments(tiny_trial.model_copy(update={"ranks": ranks}))
    assert "--cpu" in on_cpu
    assert on_cpu[on_cpu.index("--num-workers") + 1] == "0"
    assert "--fp16" in on_gpu
    assert on_gpu[on_gpu.index("--num-workers") + 1] == "1"
