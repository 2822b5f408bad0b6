"""Teachers in one file, without the code that made them."""
from pathlib import Path
from textwrap import shorten
from zipfile import ZipFile, is_zipfile

import torch
from torch import Tensor, nn

from mmdeit.checkpoints import force_weights_only
from mmdeit.registry import MODELS


@MODELS.register_module()
class ExportedClassifier(nn.Module):
    """A TorchScript file, or a program of ``torch.export``.

    Such a file is a program: only take it from a source that you trust. It is
    executed by torch's own interpreter; no Python is unpickled.

    Export it in eval mode and, with ``torch.export``, for any batch size. It
    does not say its normalisation: give ``data_preprocessor`` to the
    :class:`Teacher`, or the student's is taken.

    Args:
        file (str): Path of a file of ``torch.jit.save`` or
            ``torch.export.save``.

    Raises:
        ValueError: If it is neither, or this torch cannot read it.
    """

    def __init__(self, file: str) -> None:
        super().__init__()
        self.program = _load(Path(file).expanduser())
        self.train(False)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map normalised images ``(N, C, H, W)`` to logits ``(N, K)``."""
        return self.program(inputs)

    def train(self, mode: bool = True) -> 'ExportedClassifier':
        """Stay in eval mode, the only one that an exported program has."""
        self.training = False
        return self


def _load(path: Path) -> nn.Module:
    """Load a program by what the archive of its file contains."""
    names = ZipFile(path).namelist() if is_zipfile(path) else []
    try:
        if any('/code/' in name for name in names):
            return torch.jit.load(str(path), map_location='cpu').eval()
        if any(name.endswith('.json') for name in names):
            # else torch.export falls back to a full unpickling
            force_weights_only()
            return torch.export.load(str(path)).module()
    except Exception as error:  # damaged files raise many types
        raise ValueError(
            f'{path} cannot be loaded by torch {torch.__version__}: export it '
            f'again with this release ({shorten(str(error), 200)})') from error
    raise ValueError(
        f'{path} is no file of torch.jit.save or torch.export.save: correct '
        'the path, or give weights as the checkpoint of their model')
