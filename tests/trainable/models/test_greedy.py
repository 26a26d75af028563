from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from fairseq.sequence_generator import SequenceGenerator

import trainable.greedy
from trainable.decoding import LengthLimit, decode, encode
from trainable.fixed_greedy import _Steps, fixed_greedy
from trainable.greedy import greedy
from trainable.models.reservoir_transformer import ReservoirTransformer

LIMIT = LengthLimit(ratio=1.5, extra=6)


def fairseqs_words(model, batch, limit):
    generator = SequenceGenerator(
        [model],
        model.decoder.dictionary,
        beam_size=1,
        max_len_a=limit.ratio,
        max_len_b=limit.extra,
    )
    dictionary = model.decoder.dictionary
    return [dictionary.string(found[0]["tokens"]) for found in generator(batch)]


def a_batch(n_sentences: int, rows: int, seed: int) -> dict[str, object]:
    generator = torch.Generator().manual_seed(seed)
    src = torch.randint(4, rows, (n_sentences, 9), generator=generator)
    lengths = torch.randint(1, 10, (n_sentences,), generator=generator).sort(descending=True)[0]
    for row, length in enumerate(lengths.tolist()):
        src[row, : 9 - length] = 1
    return {"net_input": {"src_tokens": src, "src_lengths": lengths}}


@pytest.fixture
def strong(build: Callable[..., ReservoirTransformer]) -> Callable[..., ReservoirTransformer]:
    """A random model whose words depend on the source."""

    def make(encoder: str, decoder: str, **settings: object) -> ReservoirTransformer:
        model = build(encoder, decoder, **settings).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(3.0)  # or it would hardly look at the source
        return model

    return make


@pytest.mark.parametrize("compact_below", [0.0, 0.8, 1.0])
@pytest.mark.parametrize("decoder", ["L", "LL", "L1L1", "R1LR1", "La1La1"])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_greedy_words_are_those_of_fairseqs_generator(
    strong, decoder, norm, compact_below, monkeypatch
):
    monkeypatch.setattr(trainable.greedy, "COMPACT_BELOW", compact_below)
    for seed in range(4):
        model = strong("RL", decoder, norm=norm, seed=seed)
        batch = a_batch(12, len(model.encoder.dictionary), seed)
        ours = decode(model, batch, model.decoder.dictionary, beam=1, limit=LIMIT)
        assert ours == fairseqs_words(model, batch, LIMIT)


def test_greedy_words_with_factorised_embeddings_are_those_of_fairseqs_generator(strong):
    model = strong("RL", "LR", embedding_dim=6, seed=2)
    batch = a_batch(12, len(model.encoder.dictionary), 2)
    ours = decode(model, batch, model.decoder.dictionary, beam=1, limit=LIMIT)
    assert ours == fairseqs_words(model, batch, LIMIT)


def test_a_sentence_at_the_limit_is_cut_there(strong):
    model = strong("L", "L", seed=1)
    limit = LengthLimit(ratio=0.0, extra=2)
    batch = a_batch(12, len(model.encoder.dictionary), 1)
    ours = decode(model, batch, model.decoder.dictionary, beam=1, limit=limit)
    assert ours == fairseqs_words(model, batch, limit)
    assert max(len(words.split()) for words in ours) == 2


@pytest.mark.parametrize("decoder", ["L", "L1L1", "R1LR1", "La1La1"])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_steps_of_one_shape_give_the_same_words(strong, decoder, norm):
    for seed, max_length in enumerate((1, 7, 40)):  # cut, within one look at the ends, in several
        model = strong("RL", decoder, norm=norm, seed=seed)
        batch = a_batch(12, len(model.encoder.dictionary), seed)
        encoder_out = encode(model, batch)
        growing = greedy(model, encoder_out, max_length=max_length)
        fixed = fixed_greedy(model, encoder_out, max_length=max_length)
        assert [words.tolist() for words in fixed] == [words.tolist() for words in growing]


@torch.no_grad()
def test_a_step_changes_its_tensors_in_place_so_that_a_graph_can_replay_it(strong):
    model = strong("RL", "LL")
    batch = a_batch(5, len(model.encoder.dictionary), 1)
    steps = _Steps(model, encode(model, batch), 6)
    tensors = [
        *(steps.chosen_BT, steps.has_ended_B, steps._last_B, steps._state.position),
        *(part.keys for part in steps._state.target),
    ]
    places = [tensor.data_ptr() for tensor in tensors]
    steps.take()
    once = steps.chosen_BT.clone()
    assert not once.equal(torch.full_like(once, model.decoder.dictionary.eos()))
    steps.start_again()
    steps.take()
    assert steps.chosen_BT.equal(once)  # what a step left behind is forgotten
    assert [tensor.data_ptr() for tensor in tensors] == places
