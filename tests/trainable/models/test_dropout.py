import pytest
import torch

from trainable.layers.dropout import LEVELS, Dropout


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(1000, 201) + 1.0


@pytest.mark.parametrize("p", [0.05, 0.1, 0.5])
def test_a_share_of_p_is_dropped_and_the_rest_scaled_to_the_same_mean(x, p):
    torch.manual_seed(3)
    dropped = Dropout(p)(x)
    kept = dropped != 0
    # Five standard deviations of a binomial share.
    assert (~kept).float().mean().item() == pytest.approx(p, abs=5 * (p / x.numel()) ** 0.5)
    torch.testing.assert_close(dropped[kept], x[kept] / (1 - p), rtol=2 / LEVELS / (1 - p), atol=0)


def test_adding_to_a_residual_is_dropout_and_then_addition(x):
    module, residual = Dropout(0.3), torch.randn_like(x)
    torch.manual_seed(3)
    together = module.add(residual, x)
    torch.manual_seed(3)
    torch.testing.assert_close(together, residual + module(x))


def test_the_gradient_is_dropped_where_the_value_is(x):
    x.requires_grad_(True)
    torch.manual_seed(3)
    dropped = Dropout(0.3)(x)
    dropped.sum().backward()
    torch.testing.assert_close(x.grad, dropped.detach() / x.detach())


def test_values_are_dropped_independently_of_their_neighbours():
    torch.manual_seed(3)
    kept = (Dropout(0.5)(torch.ones(400_000)) != 0).float()
    for distance in (1, 2, 3, 4):
        both = (kept[distance:] * kept[:-distance]).mean().item()
        assert both == pytest.approx(0.25, abs=0.005)


@pytest.mark.parametrize("module", [Dropout(0.0), Dropout(0.5).eval()])
def test_nothing_is_dropped_without_a_probability_or_outside_training(x, module):
    assert torch.equal(module(x), x)
    assert torch.equal(module.add(x, x), x + x)
