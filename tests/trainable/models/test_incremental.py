"""Decoding token by token gives what a pass over the whole sentence gives."""

import pytest
import torch
from fairseq.sequence_generator import SequenceGenerator

DECODERS = ["L", "LL", "L1L1", "L1L1L1", "R1LR1L", "L1R1L1R1", "La1La1", "Lw1Ra1Lw1Ra1"]


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("decoder", DECODERS)
@torch.no_grad()
def test_incremental_decoding_equals_the_full_pass(build, batch, decoder, norm):
    model = build("RL", decoder, norm=norm).eval()
    previous = batch["prev_output_tokens"][:2]  # the sentences without padding
    src_tokens, src_lengths = batch["src_tokens"][:2], batch["src_lengths"][:2]
    encoded = model.encoder(src_tokens, src_lengths)
    full = model.decoder(previous, encoder_out=encoded)[0]

    state = {}
    steps = [
        model.decoder(previous[:, : n + 1], encoder_out=encoded, incremental_state=state)[0]
        for n in range(previous.size(1))
    ]
    torch.testing.assert_close(torch.cat(steps, dim=1), full, rtol=0, atol=1e-5)


@pytest.mark.parametrize("decoder", DECODERS)
@torch.no_grad()
def test_reordered_beams_take_the_memory_of_every_depth_along(build, batch, decoder):
    model = build("RL", decoder).eval()
    # Two beams of one sentence: fairseq's beams never change sentence.
    encoded = model.encoder(batch["src_tokens"][:1].repeat(2, 1), batch["src_lengths"][:1])
    previous = batch["prev_output_tokens"][:2, :4]
    order = torch.tensor([1, 0])

    state = {}
    for n in range(3):
        model.decoder(previous[:, : n + 1], encoder_out=encoded, incremental_state=state)
    model.decoder.reorder_incremental_state_scripting(state, order)
    step = model.decoder(previous[order], encoder_out=encoded, incremental_state=state)[0]

    full = model.decoder(previous[order], encoder_out=encoded)[0]
    torch.testing.assert_close(step[:, -1], full[:, -1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("decoder", ["LL", "L1L1", "R1LR1L", "La1La1", "L1+r2L1+r2"])
def test_beam_search_finds_hypotheses_with_the_scores_of_the_full_pass(build, batch, decoder):
    model = build("RL", decoder).eval()
    dictionary = model.decoder.dictionary
    generator = SequenceGenerator(
        [model], dictionary, beam_size=3, max_len_b=6, normalize_scores=False
    )
    found = generator.generate([model], {"net_input": _source(batch)})

    with torch.no_grad():
        for sentence, hypotheses in enumerate(found):
            for hypothesis in hypotheses:
                tokens = hypothesis["tokens"]
                previous = torch.cat([tokens.new_tensor([dictionary.eos()]), tokens[:-1]])
                source = {n: v[sentence : sentence + 1] for n, v in _source(batch).items()}
                scores = model(**source, prev_output_tokens=previous[None])[0][0].log_softmax(-1)
                expected = scores.gather(1, tokens[:, None]).sum()
                torch.testing.assert_close(hypothesis["score"], expected, rtol=0, atol=1e-4)


def _source(batch):
    return {name: batch[name] for name in ("src_tokens", "src_lengths")}
