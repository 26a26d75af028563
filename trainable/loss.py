"""fairseq's label-smoothed cross-entropy, from the decoder's features.

Shapes: N tokens, D model, V vocabulary, K words that a teacher expects of a token.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from trainable.collate import PADDING
from trainable.device import to_device

NO_LABEL = -1  # target of a row without a sentence
CHUNK = 2**21  # scores at a time, 8 MiB: they stay in a processor's cache
GPU_CHUNK = 2**25  # 128 MiB: products that fill a GPU


class Teacher(NamedTuple):
    """Words that a teacher expects of each target, for its share of the loss."""

    words: Tensor  # B, T, K, or N, K: different ones of a target
    probabilities: Tensor  # of the same shape; of a target they sum to 1
    weight: float  # share of the loss, 0 to 1

    def of(self, places: Any) -> Teacher:
        """Teacher at the indices ``places`` of its targets."""
        return Teacher(self.words[places], self.probabilities[places], self.weight)

    def flat(self) -> Teacher:
        """Teacher of all positions, in the order of T, B."""
        words, probabilities = (
            tensor.transpose(0, 1).flatten(0, 1) for tensor in (self.words, self.probabilities)
        )
        return Teacher(words, probabilities, self.weight)

    def on(self, device: torch.device) -> Teacher:
        """Teacher with its tensors copied from the CPU to ``device``."""
        return Teacher(
            to_device(self.words, device), to_device(self.probabilities, device), self.weight
        )


# The gradient to scores N, V and the sum of the losses, by scores, targets, smoothing, teacher.
ChunkLoss = Callable[[Tensor, Tensor, float, Teacher | None], tuple[Tensor, Tensor]]


def label_smoothed_loss(
    features: Tensor,
    weight_VD: Tensor,
    target: Tensor,
    label_smoothing: float,
    teacher: Teacher | None = None,
) -> Tensor:
    """The sum over tokens, in nats, equal to fairseq's ``label_smoothed_cross_entropy``.

    With a teacher of weight w it is 1 - w times that, and w times the cross-entropy from the
    teacher's probabilities to the model's: word-level distillation, Kim and Rush 2016
    (arXiv:1606.07947).

    Args:
        features: B, T, D, what the output projection takes; a view of T, B, D.
        weight_VD: the output projection.
        target: B, T, on the CPU whatever the device of the others; padding counts nothing,
            and no score of it is computed.
        label_smoothing: the mass that the right word loses, 0 to 1, in equal parts to the
            V - 1 others.
        teacher: its tensors are on the CPU too.
    """
    row_N, column_N = (target != PADDING).nonzero(as_tuple=True)
    place_N = to_device(column_N * len(target) + row_N, features.device)  # among T * B
    target_N = to_device(target[row_N, column_N], features.device)
    features_ND = features.transpose(0, 1).flatten(0, 1).index_select(0, place_N)
    if teacher is not None:
        teacher = teacher.of((row_N, column_N)).on(features.device)
    loss: Tensor = _ProjectedLoss.apply(  # type: ignore[no-untyped-call]
        features_ND,
        weight_VD,
        target_N,
        label_smoothing,
        teacher,
        chunk_loss,
        torch.is_grad_enabled(),
    )
    return loss


def padded_label_smoothed_loss(
    features: Tensor,
    weight_VD: Tensor,
    target: Tensor,
    label_smoothing: float,
    teacher: Teacher | None = None,
) -> Tensor:
    """``label_smoothed_loss`` with target and teacher on the device of the others.

    Scores are computed at all positions and those of padding masked, so that no shape depends
    on the data.
    """
    if teacher is not None:
        teacher = teacher.flat()
    loss: Tensor = _ProjectedLoss.apply(  # type: ignore[no-untyped-call]
        features.transpose(0, 1).flatten(0, 1),
        weight_VD,
        target.t().flatten(),
        label_smoothing,
        teacher,
        masked_chunk_loss,
        torch.is_grad_enabled(),
    )
    return loss


def label_loss(scores_BN: Tensor, target_B: Tensor, label_smoothing: float) -> Tensor:
    """The sum over sentences, in nats, equal to fairseq's ``sentence_prediction`` if not smoothed.

    Args:
        scores_BN: scores of the labels.
        target_B: numbers of the right labels, on the same device; ``NO_LABEL`` counts nothing.
        label_smoothing: the mass that the right label loses, 0 to 1, in equal parts to the
            others.
    """
    log_p_BN = torch.log_softmax(scores_BN, dim=1, dtype=_exact(scores_BN.dtype))
    right_B = log_p_BN.gather(1, target_B.clamp(min=0).unsqueeze(1)).squeeze(1)
    wrong = label_smoothing / (scores_BN.size(1) - 1)
    losses_B = -(1.0 - label_smoothing - wrong) * right_B - wrong * log_p_BN.sum(dim=1)
    return (losses_B * (target_B != NO_LABEL)).sum()


class _ProjectedLoss(torch.autograd.Function):
    """Projection, softmax, loss and its gradients, some tokens at a time.

    The scores of an update, tokens times vocabulary, are its largest tensor by far. Here
    they exist a chunk at a time, and become their own gradient in place.
    """

    @staticmethod
    def forward(
        ctx: Any,
        features_ND: Tensor,
        weight_VD: Tensor,
        target_N: Tensor,
        label_smoothing: float,
        teacher: Teacher | None,
        chunk_loss: ChunkLoss,
        with_gradients: bool,
    ) -> Tensor:
        to_features = torch.empty_like(features_ND) if with_gradients else None
        to_weight = torch.zeros_like(weight_VD) if with_gradients else None
        weight_VD = weight_VD.to(features_ND.dtype)
        n_scores = CHUNK if features_ND.device.type == "cpu" else GPU_CHUNK
        n_chunk = max(1, n_scores // weight_VD.size(0))
        loss = features_ND.new_zeros((), dtype=_exact(features_ND.dtype))
        for start in range(0, len(target_N), n_chunk):
            chunk = slice(start, start + n_chunk)
            features = features_ND[chunk]
            gradient_NV, losses = chunk_loss(
                features @ weight_VD.t(),
                target_N[chunk],
                label_smoothing,
                None if teacher is None else teacher.of(chunk),
            )
            loss += losses
            if to_features is not None and to_weight is not None:
                gradient_NV = gradient_NV.to(features.dtype)
                torch.mm(gradient_NV, weight_VD, out=to_features[chunk])
                _add_product(to_weight, gradient_NV.t(), features)
        ctx.save_for_backward(to_features, to_weight)
        return loss

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        to_features, to_weight = ctx.saved_tensors
        return to_features * gradient, to_weight * gradient, *(None,) * 5


def _exact(dtype: torch.dtype) -> torch.dtype:
    """Type of sums: fp32, or what is more exact."""
    return torch.promote_types(dtype, torch.float32)


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Add ``left`` @ ``right`` to ``total``, which may be of a more exact type."""
    if total.dtype == left.dtype:
        total.addmm_(left, right)
    else:
        total.add_(left @ right)


def chunk_loss(
    scores_NV: Tensor, target_N: Tensor, label_smoothing: float, teacher: Teacher | None = None
) -> tuple[Tensor, Tensor]:
    """The gradient to the scores, and the sum of the losses.

    With e the smoothed mass of a wrong word, log Z the log-sum-exp of a row, y the right word
    and m the mass that is not the teacher's: loss = log Z - e sum(scores) - (m - e V) scores[y]
    - (1 - m) sum(q scores[words]), with q the teacher's probabilities of its words. Its gradient
    is softmax - e - (m - e V) at y - (1 - m) q at the words.
    """
    scores_NV = scores_NV.to(_exact(scores_NV.dtype))
    wrong, right = _masses(scores_NV, label_smoothing, teacher)
    index_N1 = target_N.unsqueeze(1)
    score_sum = scores_NV.sum()
    right_sum = scores_NV.gather(1, index_N1).sum()
    highest_N = scores_NV.amax(dim=1)
    gradient_NV = torch.softmax(scores_NV, dim=1)
    # The highest word's probability is 1 / sum(exp(score - highest)).
    log_z = (highest_N - gradient_NV.amax(dim=1).log()).sum()
    if wrong:
        gradient_NV.sub_(wrong)
    gradient_NV.scatter_add_(1, index_N1, gradient_NV.new_full((), -right).expand_as(index_N1))
    losses = log_z - wrong * score_sum - right * right_sum
    if teacher is not None:
        masses_NK = _teacher_masses(teacher, scores_NV.dtype)
        gradient_NV.scatter_add_(1, teacher.words, -masses_NK)
        losses = losses - (masses_NK * scores_NV.gather(1, teacher.words)).sum()
    return gradient_NV, losses


def masked_chunk_loss(
    scores_NV: Tensor, target_N: Tensor, label_smoothing: float, teacher: Teacher | None = None
) -> tuple[Tensor, Tensor]:
    """``chunk_loss`` over the tokens that are not padding; the gradient to padding is zero."""
    scores_NV = scores_NV.to(_exact(scores_NV.dtype))
    wrong, right = _masses(scores_NV, label_smoothing, teacher)
    index_N1 = target_N.unsqueeze(1)
    counts_N1 = (index_N1 != PADDING).to(scores_NV.dtype)
    log_z_N1 = torch.logsumexp(scores_NV, dim=1, keepdim=True)
    right_N1 = scores_NV.gather(1, index_N1)
    losses_N1 = log_z_N1 - wrong * scores_NV.sum(dim=1, keepdim=True) - right * right_N1
    gradient_NV = (torch.exp(scores_NV - log_z_N1) - wrong) * counts_N1
    gradient_NV = gradient_NV.scatter_add(1, index_N1, -right * counts_N1)
    if teacher is not None:
        masses_NK = _teacher_masses(teacher, scores_NV.dtype) * counts_N1
        gradient_NV = gradient_NV.scatter_add(1, teacher.words, -masses_NK)
        taught_N1 = (masses_NK * scores_NV.gather(1, teacher.words)).sum(dim=1, keepdim=True)
        losses_N1 = losses_N1 - taught_N1
    return gradient_NV, (losses_N1 * counts_N1).sum()


def _masses(
    scores_NV: Tensor, label_smoothing: float, teacher: Teacher | None
) -> tuple[float, float]:
    """Mass of a wrong word, and the further mass of the right one, in the target's share."""
    n_words = scores_NV.size(1)
    share = 1.0 if teacher is None else 1.0 - teacher.weight
    wrong = share * label_smoothing / (n_words - 1)
    return wrong, share - wrong * n_words


def _teacher_masses(teacher: Teacher, dtype: torch.dtype) -> Tensor:
    return teacher.weight * teacher.probabilities.to(dtype)
