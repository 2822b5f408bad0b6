"""Windows against attention with an explicit mask."""
import pytest
import torch
import torch.nn.functional as F
from mmpretrain.models.utils import MultiheadAttention

from mmdeit.models.windowed_attention import (
    WindowedAttention,
    _partition,
    _reverse,
)


def masked(attention, x, grid, window):
    """The same by a mask over all pairs."""
    height, width = grid
    rows, columns = torch.meshgrid(
        torch.arange(height) // window,
        torch.arange(width) // window,
        indexing='ij')
    windows = (rows * width + columns).flatten()
    tokens = x.shape[1] - len(windows)
    allowed = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool)
    allowed[tokens:, tokens:] = windows[:, None] == windows
    q, k, v = attention.qkv(x).unflatten(2, (3, 2, 4)).permute(2, 0, 3, 1, 4)
    scores = (q @ k.transpose(-2, -1) / 2).masked_fill(~allowed, -torch.inf)
    return attention.proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


@pytest.mark.parametrize('tokens', [0, 1, 2])
@pytest.mark.parametrize('grid, window', [
    ((4, 4), 2),
    ((4, 6), 3),  # incomplete at the bottom
    ((5, 3), 2),  # and at the right
    ((7, 4), 3),
    ((2, 5), 4),  # higher than the image
    ((1, 1), 14),
])
def test_patches_see_their_window_and_the_tokens(tokens, grid, window):
    torch.manual_seed(0)
    attention = WindowedAttention(8, 2, window)
    x = torch.randn(2, tokens + grid[0] * grid[1], 8)
    torch.testing.assert_close(
        attention(x, grid), masked(attention, x, grid, window))


@pytest.mark.parametrize('grid', [(4, 4), (3, 5), (6, 2)])
@pytest.mark.parametrize('window', [6, 7, 14])
def test_one_window_is_global_attention(grid, window):
    torch.manual_seed(0)
    windowed = WindowedAttention(8, 2, window)
    whole = MultiheadAttention(8, 2)
    whole.load_state_dict(windowed.state_dict(), strict=True)
    x = torch.randn(2, 2 + grid[0] * grid[1], 8)
    torch.testing.assert_close(
        windowed(x, grid), whole(x), rtol=0, atol=1e-5)


def test_padding_receives_nothing():
    """However large the bias that a padded patch would have as its value."""
    torch.manual_seed(0)
    attention = WindowedAttention(8, 2, 4)
    x = torch.randn(1, 2 + 5 * 6, 8)
    torch.nn.init.constant_(attention.qkv.bias, 5.)
    torch.testing.assert_close(
        attention(x, (5, 6)), masked(attention, x, (5, 6), 4))


def test_partition_and_back():
    x = torch.arange(1., 13).reshape(1, 12, 1)  # 3 rows of 4
    windows = _partition(x.unflatten(1, (3, 4)), (2, 2))
    assert windows.squeeze(2).tolist() == [[1, 2, 5, 6], [3, 4, 7, 8],
                                           [9, 10, 0, 0], [11, 12, 0, 0]]
    assert torch.equal(_reverse(windows, (3, 4), (2, 2)), x)


def test_stochastic_depth():
    """In training only, an image loses all that was attended to, or nothing."""
    torch.manual_seed(0)
    attention = WindowedAttention(8, 2, 2, drop_path_rate=.5)
    x = torch.randn(16, 2 + 9, 8)
    whole = attention.eval()(x, (3, 3))
    out = attention.train()(x, (3, 3))
    dropped = out.flatten(1).eq(0).all(1)
    assert 0 < dropped.sum() < 16
    torch.testing.assert_close(out[~dropped], 2 * whole[~dropped])


def test_gradients():
    torch.manual_seed(0)
    attention = WindowedAttention(8, 2, 2)
    x = torch.randn(1, 2 + 9, 8)
    target = torch.randn_like(x)
    grads = []
    for out in (attention(x, (3, 3)), masked(attention, x, (3, 3), 2)):
        loss = F.mse_loss(out, target)
        grads.append(torch.autograd.grad(loss, list(attention.parameters())))
    torch.testing.assert_close(*grads)
