import torch

from mmdeit.models.erasing import Erasing

BOXES = torch.tensor([[0, 0, 224, 224]]).expand(2, 4)


def erase(*numbers):
    noise = torch.tensor(numbers)[:, None]
    return Erasing()(torch.zeros(len(numbers), 3, 224, 224),
                     torch.cat([BOXES, noise], dim=1))


def test_noise_is_normal_and_nothing_cuts_it():
    noise = erase(12345, 2**31 - 1)
    flat = noise.flatten(2)
    assert flat.mean(2).abs().max() < 0.02  # 4 sigma
    assert (flat.std(2) - 1).abs().max() < 0.015
    assert noise.abs().max() > 4  # of 300,000; a pixel's range ends at 2.6
    # each pixel, channel and image on its own
    correlation = torch.corrcoef(flat.flatten(0, 1))
    assert (correlation - torch.eye(6)).abs().max() < 0.02


def test_the_number_alone_chooses_the_noise():
    torch.manual_seed(0)
    first = erase(7, 8)
    torch.manual_seed(1)
    assert torch.equal(erase(7, 8), first)
    assert not torch.equal(first[0], first[1])


def test_images_of_another_size():
    """Their noise does not depend on those before them."""
    erasing = Erasing()
    for side in (8, 16, 8):
        erased = torch.tensor([[0, 0, side, 2, 2**20 - 1]])
        images = erasing(torch.zeros(1, 1, side, side), erased)
        assert images[..., :2].all() and not images[..., 2:].any()
        assert torch.equal(
            images, Erasing()(torch.zeros(1, 1, side, side), erased))
