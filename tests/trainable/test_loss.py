from __future__ import annotations

import pytest
import torch
from fairseq.criterions.label_smoothed_cross_entropy import label_smoothed_nll_loss

import trainable.loss
from trainable.loss import PADDING, Teacher, label_smoothed_loss, padded_label_smoothed_loss

N_WORDS, WIDTH = 11, 4


@pytest.fixture
def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Features, output projection and targets of three sentences, the second one shorter."""
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(3, 5, WIDTH, generator=generator, requires_grad=True)
    weight = torch.randn(N_WORDS, WIDTH, generator=generator, requires_grad=True)
    target = torch.randint(2, N_WORDS, (3, 5), generator=generator)
    target[1, 3:] = PADDING
    return features, weight, target


def fairseq_loss(features, weight, target, label_smoothing):
    log_probabilities = torch.log_softmax(features @ weight.t(), dim=-1).view(-1, N_WORDS)
    loss, _ = label_smoothed_nll_loss(
        log_probabilities, target.view(-1), label_smoothing, ignore_index=PADDING
    )
    return loss


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("chunk", [N_WORDS, 3 * N_WORDS, 2**21])
def test_loss_and_gradients_are_fairseqs_own(inputs, label_smoothing, chunk, monkeypatch):
    monkeypatch.setattr(trainable.loss, "CHUNK", chunk)
    features, weight, target = inputs
    ours = label_smoothed_loss(features, weight, target, label_smoothing)
    theirs = fairseq_loss(features, weight, target, label_smoothing)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)

    expected = torch.autograd.grad(0.25 * theirs, (features, weight))
    computed = torch.autograd.grad(0.25 * ours, (features, weight))
    for ours_of, theirs_of in zip(computed, expected, strict=True):
        torch.testing.assert_close(ours_of, theirs_of, rtol=1e-5, atol=1e-6)


def test_scores_that_leave_a_word_no_probability_give_a_finite_loss(inputs):
    features, weight, target = inputs
    loss = label_smoothed_loss(1e4 * features, weight, target, 0.1)
    assert torch.isfinite(loss)
    assert loss.item() == pytest.approx(
        fairseq_loss(1e4 * features, weight, target, 0.1).item(), rel=1e-5
    )


def test_without_gradients_the_loss_is_the_same(inputs):
    features, weight, target = inputs
    with torch.no_grad():
        measured = label_smoothed_loss(features, weight, target, 0.1)
    assert measured.item() == label_smoothed_loss(features, weight, target, 0.1).item()


def test_in_bf16_the_weights_gradient_adds_up_in_fp32(inputs, monkeypatch):
    """A sum in bf16 would stop to grow: 512 chunks of one sentence are 512 times one chunk."""
    features, weight, target = inputs
    n_times = 512
    monkeypatch.setattr(trainable.loss, "CHUNK", target.numel() * N_WORDS)
    once = label_smoothed_loss(features.bfloat16(), weight, target, 0.1)
    (expected,) = torch.autograd.grad(once, weight)
    monkeypatch.setattr(trainable.loss, "CHUNK", int((target != PADDING).sum()) * N_WORDS)
    often = label_smoothed_loss(
        features.bfloat16().repeat(n_times, 1, 1), weight, target.repeat(n_times, 1), 0.1
    )
    (summed,) = torch.autograd.grad(often, weight)
    assert summed.dtype == torch.float32
    torch.testing.assert_close(summed / n_times, expected, rtol=1e-4, atol=1e-6)


def test_bf16_is_near_to_fp32(inputs):
    features, weight, target = inputs
    exact = label_smoothed_loss(features, weight, target, 0.1)
    rounded = label_smoothed_loss(features.bfloat16(), weight, target, 0.1)
    assert rounded.item() == pytest.approx(exact.item(), rel=1e-2)
    for ours, theirs in zip(
        torch.autograd.grad(rounded, (features, weight)),
        torch.autograd.grad(exact, (features, weight)),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=0.0, atol=2e-2 * float(theirs.abs().max()))


N_TAUGHT = 4  # words of a token that a teacher gives


@pytest.fixture
def taught(inputs) -> tuple[torch.Tensor, torch.Tensor]:
    """Words and probabilities for the targets; none for padding."""
    generator = torch.Generator().manual_seed(2)
    target = inputs[2]
    words = torch.rand(*target.shape, N_WORDS, generator=generator).argsort(-1)[..., :N_TAUGHT]
    scores = torch.randn(*target.shape, N_TAUGHT, generator=generator, dtype=torch.float64)
    probabilities = torch.softmax(scores, dim=-1).float()
    is_word = (target != PADDING).unsqueeze(-1)
    return words * is_word, probabilities * is_word


def mixed_loss(features, weight, target, label_smoothing, teacher):
    """Cross-entropy from the whole mixed distribution, written out word by word in fp64."""
    log_p = torch.log_softmax(features.double() @ weight.double().t(), dim=-1)
    loss = torch.zeros((), dtype=torch.float64)
    for row, column in (target != PADDING).nonzero().tolist():
        wanted = torch.full((N_WORDS,), label_smoothing / (N_WORDS - 1), dtype=torch.float64)
        wanted[target[row, column]] = 1 - label_smoothing
        of_teacher = torch.zeros(N_WORDS, dtype=torch.float64)
        for word, p in zip(*(part[row, column] for part in teacher[:2]), strict=True):
            of_teacher[word] += p.double()
        mixture = (1 - teacher.weight) * wanted + teacher.weight * of_teacher
        loss = loss - (mixture * log_p[row, column]).sum()
    return loss


@pytest.mark.parametrize("loss_of", [label_smoothed_loss, padded_label_smoothed_loss])
@pytest.mark.parametrize(
    ("label_smoothing", "weight_of_teacher", "chunk"),
    [(0.0, 0.5, 2**21), (0.1, 0.5, 3 * N_WORDS), (0.3, 0.9, N_WORDS), (0.1, 1.0, 2**21)],
)
def test_with_a_teacher_loss_and_gradients_are_those_of_the_mixture(
    inputs, taught, loss_of, label_smoothing, weight_of_teacher, chunk, monkeypatch
):
    monkeypatch.setattr(trainable.loss, "CHUNK", chunk)
    features, weight, target = inputs
    teacher = Teacher(*taught, weight_of_teacher)
    ours = loss_of(features, weight, target, label_smoothing, teacher)
    naive = mixed_loss(features, weight, target, label_smoothing, teacher)
    assert ours.item() == pytest.approx(naive.item(), rel=1e-6)
    expected = torch.autograd.grad(0.25 * naive, (features, weight))
    computed = torch.autograd.grad(0.25 * ours, (features, weight))
    for ours_of, naive_of in zip(computed, expected, strict=True):
        torch.testing.assert_close(ours_of, naive_of, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("loss_of", [label_smoothed_loss, padded_label_smoothed_loss])
def test_a_teacher_that_is_sure_of_the_references_gives_the_plain_loss(inputs, loss_of):
    features, weight, target = inputs
    sure = torch.zeros(*target.shape, N_TAUGHT)
    sure[..., 0] = (target != PADDING).float()
    words = torch.stack([target, *((target + n) % N_WORDS for n in (1, 2, 3))], dim=-1)
    for label_smoothing in (0.0, 0.1):
        taught = loss_of(features, weight, target, label_smoothing, Teacher(words, sure, 0.5))
        # The teacher's half is not smoothed.
        plain = loss_of(features, weight, target, label_smoothing / 2)
        assert taught.item() == pytest.approx(plain.item(), rel=1e-6)
        for of_taught, of_plain in zip(
            torch.autograd.grad(taught, (features, weight)),
            torch.autograd.grad(plain, (features, weight)),
            strict=True,
        ):
            torch.testing.assert_close(of_taught, of_plain, rtol=1e-5, atol=1e-6)
