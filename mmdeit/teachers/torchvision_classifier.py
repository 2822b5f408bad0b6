"""Teachers of torchvision."""
from torch import Tensor, nn
from torchvision import models

from mmdeit.checkpoints import load_checkpoint
from mmdeit.registry import MODELS

from .preprocessing import rgb_normalization


@MODELS.register_module()
class TorchvisionClassifier(nn.Module):
    """A classifier of torchvision, with its normalisation and class names.

    State dicts of torchvision load as they are.

    Args:
        model_name (str): Name in torchvision, as ``'resnet50'``.
        weights (str, optional): Which of its weights, fetched and checked by
            hash; None for a checkpoint that is loaded later. Defaults to
            ``'IMAGENET1K_V1'``.
        num_classes (int): Number K of classes. Defaults to 1000.
    """

    def __init__(self,
                 model_name: str,
                 weights: str | None = 'IMAGENET1K_V1',
                 num_classes: int = 1000) -> None:
        super().__init__()
        if weights is None:
            self.model = models.get_model(
                model_name, weights=None, num_classes=num_classes)
            return

        choices = {
            choice.name: choice
            for choice in models.get_model_weights(model_name)
            # VGG also has some without a head.
            if len(choice.meta['categories'] or ()) == num_classes
        }
        if weights not in choices:
            raise ValueError(
                f'no weights {weights!r} of {model_name} for {num_classes} '
                f'classes: choose from {list(choices)}, or set weights=None')
        chosen = choices[weights]
        # Fetched by one process, and checked. From the cache torchvision would
        # read it whatever it holds.
        load_checkpoint(chosen.url)
        self.model = models.get_model(model_name, weights=chosen)
        self.class_names = chosen.meta['categories']
        preset = chosen.transforms()
        self.data_preprocessor = rgb_normalization(preset.mean, preset.std)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map normalised images ``(N, 3, H, W)`` to logits ``(N, K)``."""
        return self.model(inputs)

    def load_state_dict(self, state_dict: dict, strict: bool = True):
        """Load weights under torchvision's names."""
        return self.model.load_state_dict(state_dict, strict)
