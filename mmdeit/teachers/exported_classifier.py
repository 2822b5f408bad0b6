"""Teachers in one file, without the code that made them."""
from pathlib import Path
from zipfile import ZipFile

import torch
from torch import Tensor, nn

from mmdeit.checkpoints import force_weights_only
from mmdeit.registry import MODELS

from .execution import reason_of


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
    try:
        with ZipFile(path) as archive:
            is_script = any('/code/' in name for name in archive.namelist())
        if is_script:
            return torch.jit.load(str(path), map_location='cpu').eval()
        # Without it torch.export falls back to a full unpickling.
        force_weights_only()
        return torch.export.load(str(path)).module()
    except Exception as error:  # damaged files raise many types
        raise ValueError(
            f'{path} is no file of torch.jit.save or torch.export.save that '
            f'torch {torch.__version__} can load: correct the path, or export '
            f'it again with this release ({reason_of(error)})') from error
