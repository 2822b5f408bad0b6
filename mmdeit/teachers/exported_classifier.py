"""Teachers in one file, without the code that made them."""
from pathlib import Path
from textwrap import shorten
from typing import List
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

    It is to be exported in eval mode and, with ``torch.export``, for any
    batch size. It does not say its normalisation: give ``data_preprocessor``
    to the :class:`Teacher`, or it has the student's.

    Args:
        file (str): Path of a file of ``torch.jit.save`` or
            ``torch.export.save``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is neither, or this torch cannot read it.
    """

    def __init__(self, file: str) -> None:
        super().__init__()
        path = Path(file).expanduser()
        if not path.is_file():
            raise FileNotFoundError(
                f'no exported teacher at {path}: correct the path')
        names = ZipFile(path).namelist() if is_zipfile(path) else []
        self.program = _load(path, names)
        self.train(False)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map normalised images ``(N, C, H, W)`` to logits ``(N, K)``."""
        return self.program(inputs)

    def train(self, mode: bool = True) -> 'ExportedClassifier':
        """Stay in eval mode, the only one that an exported program has."""
        self.training = False
        return self


def _load(path: Path, names: List[str]) -> nn.Module:
    """Load a program by what the archive of its file contains."""
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
    if any(name.endswith('data.pkl') for name in names):
        raise ValueError(
            f'{path} holds weights without their network: give it as the '
            'checkpoint, beside the model that it belongs to')
    raise ValueError(
        f'{path} is neither a TorchScript file nor a program of torch.export: '
        'give a file of torch.jit.save or torch.export.save')
