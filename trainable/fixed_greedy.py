"""Greedy decoding of a batch in steps of one shape, which a CUDA graph replays.

A step is some hundred small kernels, which a GPU runs faster than the host launches them.
As a graph it is one launch, and the host looks only now and then whether all have ended.

Shapes: B sentences, T target positions, V vocabulary.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from fairseq.models import BaseFairseqModel
from torch import Tensor

from trainable.device import capture
from trainable.models.encoder import EncoderOut
from trainable.models.token_states import FixedState

STEPS_BETWEEN_WAITS = 16


@torch.no_grad()
def fixed_greedy(
    model: BaseFairseqModel, encoder_out: EncoderOut, *, max_length: int
) -> list[Tensor]:
    """The tokens that ``greedy`` gives, decoded in steps of one shape."""
    steps = _Steps(model, encoder_out, max_length)
    step = _captured(steps) if steps.chosen_BT.is_cuda else steps.take
    for length in range(1, max_length + 1):
        step()
        if length % STEPS_BETWEEN_WAITS == 0 and steps.has_ended_B.all():
            break
    return steps.sentences()


class _Steps:
    """Decoding of a batch whose state is in tensors that each step changes in place."""

    def __init__(self, model: BaseFairseqModel, encoder_out: EncoderOut, max_length: int) -> None:
        self._decoder = model.decoder
        self._end, self._padding = model.decoder.dictionary.eos(), model.decoder.dictionary.pad()
        self._state = model.decoder.first_state(FixedState, encoder_out, max_length + 1)
        n_sentences, device = self._state.n_sentences, self._state.position.device
        self._last_B = torch.full((n_sentences,), self._end, device=device)
        self.chosen_BT = torch.full((n_sentences, max_length + 1), self._end, device=device)
        self.has_ended_B = torch.zeros(n_sentences, dtype=torch.bool, device=device)

    def take(self) -> None:
        """One more token for each sentence."""
        features_BD = self._decoder.next_features(self._last_B, self._state)
        scores_BV = self._decoder.output_layer(features_BD)
        scores_BV[:, self._padding] = -torch.inf
        is_first_1 = self._state.position == 0
        scores_BV[:, self._end] = scores_BV[:, self._end].masked_fill(is_first_1, -torch.inf)
        token_B = scores_BV.argmax(dim=1).masked_fill(self.has_ended_B, self._end)
        self.chosen_BT.index_copy_(1, self._state.position, token_B[:, None])
        self.has_ended_B.copy_(token_B == self._end)
        self._last_B.copy_(token_B)

    def start_again(self) -> None:
        """Forget the tokens so far."""
        self._state.position.fill_(-1)
        self._last_B.fill_(self._end)
        self.chosen_BT.fill_(self._end)
        self.has_ended_B.fill_(False)

    def sentences(self) -> list[Tensor]:
        """Tokens of each sentence, without the end of the sentence, on the CPU."""
        chosen_BT = self.chosen_BT.cpu()
        lengths = (chosen_BT == self._end).int().argmax(dim=1).tolist()
        return [tokens[:length] for tokens, length in zip(chosen_BT, lengths, strict=True)]


def _captured(steps: _Steps) -> Callable[[], None]:
    """Replay of a CUDA graph of one step.

    The first step is taken before the capture: it prepares the libraries, and autocast keeps
    the weights that it casts, so the graph casts none.
    """
    stream = _side_stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        steps.take()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with capture(graph, stream=stream):
        steps.take()
    steps.start_again()
    return graph.replay


@functools.cache
def _side_stream() -> torch.cuda.Stream:
    """One stream for all captures: cuBLAS keeps 32 MiB for each that it has seen."""
    return torch.cuda.Stream()  # type: ignore[no-untyped-call]
