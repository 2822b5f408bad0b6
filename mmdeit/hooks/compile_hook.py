"""Compiling the network that is trained."""
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.utils import digit_version
from torch import Tensor, nn

from mmdeit.models.drop_path import replace_drop_paths
from mmdeit.registry import HOOKS
from mmdeit.utils import unwrap_model


@HOOKS.register_module()
class CompileHook(Hook):
    """Compiles the backbone of the model by ``torch.compile``, in place.

    mmengine's ``compile`` compiles a whole step, the mixing, the teacher and
    the log of the losses included; the tools make this hook of it. A backbone
    is compiled twice, for training and for evaluation, whatever the number of
    images. Names in the state dict stay as they are, a copy (the moving
    average) is not compiled, and stochastic depth drops what it would drop.

    Args:
        backend (str): Of ``torch.compile``. Defaults to ``'inductor'``.
        mode (str, optional): Of ``torch.compile``, such as
            ``'max-autotune-no-cudagraphs'``. Defaults to None.
        fullgraph (bool): Whether it is an error if the backbone is no single
            graph. Defaults to False.

    Raises:
        ValueError: Below torch 2.6: in 2.1 mmcv's layers break the graph.
    """

    def __init__(self,
                 backend: str = 'inductor',
                 mode: str | None = None,
                 fullgraph: bool = False) -> None:
        if digit_version(torch.__version__) < digit_version('2.6'):
            raise ValueError(f'this is torch {torch.__version__}, and compile '
                             'needs 2.6: leave out compile')
        self.options = dict(backend=backend, mode=mode, fullgraph=fullgraph)

    def before_train(self, runner: Runner) -> None:
        """Compile it, which happens in its first pass."""
        model = unwrap_model(runner.model)
        backbone = getattr(model, 'backbone', None)
        if not isinstance(backbone, nn.Module):
            raise ValueError(f'{type(model).__name__} has no backbone to '
                             'compile: leave out compile')
        compile_in_place(backbone, **self.options)
        runner.logger.info('The backbone is compiled: the first pass of '
                           'training, and of evaluation, takes longer')


def compile_in_place(network: nn.Module, **options) -> None:
    """Let calls of a network of images run compiled code.

    As ``network.compile(**options)``, for any number of images from 2.

    Args:
        network (nn.Module): Takes images ``(N, C, H, W)``.
        **options: Those of ``torch.compile``.
    """
    # Here, as they take seconds.
    from torch import _dynamo
    from torch._inductor import config

    replace_drop_paths(network)
    # Inductor's own random numbers are others than torch's. For all of the
    # process: torch.compile takes no options beside a mode.
    config.fallback_random = True
    if getattr(network, 'with_cp', False):
        # Older ones cannot cut a graph with this by DDP's buckets.
        _dynamo.config.optimize_ddp = False
    network.compile(**options)
    compiled = network._compiled_call_impl

    def call(images: Tensor) -> tuple[Tensor, ...]:
        _dynamo.maybe_mark_dynamic(images, 0)  # N
        return compiled(images)

    network._compiled_call_impl = call  # which copies of a module do not get
