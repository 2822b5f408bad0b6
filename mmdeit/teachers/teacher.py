"""A frozen network that answers for the student's images and classes."""
from pathlib import Path
from typing import Sequence

import torch
from mmengine.config import Config
from mmengine.dist import broadcast_object_list
from mmpretrain.apis import ModelHub
from torch import Tensor, nn

from mmdeit.checkpoints import (
    check_finite,
    force_weights_only,
    load_weights,
    pretrained_cfgs,
)
from mmdeit.registry import MODELS

from .class_mapping import class_indices
from .execution import Execution, executions, measure
from .preprocessing import Preprocessing, StudentSpec, resolve_normalization


@MODELS.register_module()
class Teacher(nn.Module):
    """Any classifier, with its own preprocessing, classes and precision.

    It is bound to a student (:meth:`bind`) and may choose its execution
    (:meth:`autotune`) before it answers the batches of the training.

    Args:
        model (dict | str): The network: config of a classifier of mmpretrain,
            of ``mmdeit.TimmClassifier``, ``mmdeit.TorchvisionClassifier``,
            ``mmdeit.HuggingFaceClassifier`` or ``mmdeit.ExportedClassifier``;
            path of a config file that has a ``model``; or the name of one of
            mmpretrain's models, whose weights are fetched.
        checkpoint (str, optional): Path or address of its weights; they must
            fit exactly. Defaults to None, where ``model`` brings its own.
        data_preprocessor (dict, optional): Its ``mean``, ``std`` (0 to 255)
            and ``to_rgb``, as in mmpretrain's configs. Defaults to None: what
            ``model`` says of itself, else the student's.
        input_size (int | tuple[int, int], optional): Height and width that
            the student's view is resized to. Defaults to None, not resized.
        class_mapping (str | Sequence[int | str], optional): The teacher's
            class for each of the student's, by index or name, or ``'name'``.
            Defaults to None: both have the same classes.
        class_names (Sequence[str], optional): Names of the teacher's classes.
            Defaults to None: what ``model`` or ``checkpoint`` says, if they do.
        expected_accuracy (float, optional): Top-1 in percent that it is known
            to have on the student's validation data. Defaults to None.
        dtype (str, optional): ``'float32'``, ``'bfloat16'`` or ``'float16'``.
            Defaults to None: the student's, but bfloat16 under its autocast.
        channels_last (bool | str): Memory layout. Defaults to False.
        compile (bool | str, optional): Whether to compile. Defaults to None:
            ``'auto'`` on a GPU, False elsewhere. These three may be ``'auto'``:
            what a few passes show to be fastest.
        name (str, optional): Its name in messages. Defaults to None: that of
            the checkpoint or the model.
    """

    def __init__(
        self,
        model: dict | str,
        checkpoint: str | None = None,
        data_preprocessor: dict | None = None,
        input_size: int | Sequence[int] | None = None,
        class_mapping: str | Sequence[int | str] | None = None,
        class_names: Sequence[str] | None = None,
        expected_accuracy: float | None = None,
        dtype: str | None = None,
        channels_last: bool | str = False,
        compile: bool | str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__()
        self.executions = executions(
            dtype, channels_last, False if compile is None else compile)
        # on a GPU, where that is for the machine to choose
        self.more_executions = executions(
            dtype, channels_last, True) if compile is None else []
        if expected_accuracy is not None and not 1 < expected_accuracy <= 100:
            raise ValueError('expected_accuracy: give it in percent, as 94.22')
        if isinstance(model, str):
            model, checkpoint = find_model(model, checkpoint)
        self.name = name or _name(model, checkpoint)
        self.source = checkpoint or _name(model, None)  # in messages
        force_weights_only()  # other libraries read files, too
        self.network = MODELS.build(model)
        # the names of its classes, as the data that it was trained on had them
        self.saved_classes: Sequence[str] | None = None
        if checkpoint is not None:
            self.saved_classes = load_weights(self.network, checkpoint)
        else:
            _refuse_init_cfg(self.network)
            check_finite(f'teacher {self.name!r}', self.network.state_dict())
        self.data_preprocessor = data_preprocessor
        self.input_size = input_size
        self.class_mapping = class_mapping
        self.class_names = (
            class_names or getattr(self.network, 'class_names', None)
            or self.saved_classes)
        self.expected_accuracy = expected_accuracy
        self.preprocess: nn.Module = nn.Identity()
        # the teacher's class for each of the student's, (K, ); None: the same
        self.register_buffer('indices', None, persistent=False)
        self.requires_grad_(False)
        self.eval()
        self.set_execution(self.executions[0])

    @property
    def members(self) -> list['Teacher']:
        """Itself; an ensemble has several."""
        return [self]

    def bind(self, spec: StudentSpec) -> None:
        """Fit the preprocessing and the classes to a student."""
        try:
            self.preprocess = Preprocessing(
                spec,
                input_size=self.input_size,
                **resolve_normalization(self.network, spec,
                                        self.data_preprocessor))
            if self.class_mapping is not None:
                indices = class_indices(self.class_mapping, spec.num_classes,
                                        spec.class_names, self.class_names)
                self.indices = torch.tensor(indices)
        except ValueError as error:
            raise ValueError(f'teacher {self.name!r}: {error}') from error

    def forward(self, inputs: Tensor) -> Tensor:
        """Map the student's images ``(N, C, H, W)`` to logits ``(N, K)``."""
        return self.select_classes(self.execute(self.preprocess(inputs)))

    def select_classes(self, logits: Tensor) -> Tensor:
        """Turn the network's logits into those of the student's classes."""
        if self.indices is None:
            return logits
        return logits.index_select(1, self.indices)

    def set_execution(self, execution: Execution) -> None:
        """Execute the network in another way from now on."""
        self.execution = execution
        self.execute = execution.prepare(self.network)

    def autotune(self, inputs: Tensor) -> str:
        """Take the fastest of the executions that the config leaves open.

        They are timed on a batch of the student's, ``(N, C, H, W)``; all
        processes of a job take what the first one measured. The line that is
        returned has the execution, and the timings it was chosen by.

        Timings differ from run to run: a deterministic training takes the first
        execution.
        """
        choices = self.executions + self.more_executions * inputs.is_cuda
        if len(choices) == 1 or torch.are_deterministic_algorithms_enabled():
            return f'{self.name}: {self.execution}'
        seconds = measure(self.network, choices, self.preprocess(inputs))
        choice = [min(seconds, key=seconds.get)]
        broadcast_object_list(choice)
        if any(way.compile for way in seconds):
            # What was compiled to be measured counts towards torch's limit of
            # recompilations, beyond which it stops compiling.
            torch.compiler.reset()
        self.set_execution(choice[0])
        timings = '; '.join(
            f'{way}: {1000 * s:.1f} ms' for way, s in seconds.items())
        return f'{self.name}: {self.execution} (measured {timings})'


def find_model(name: str,
               checkpoint: str | None = None) -> tuple[dict, str | None]:
    """Look up a classifier by its config file or its name in mmpretrain.

    Its config is returned, with a data preprocessor, and its checkpoint: the
    one given, else mmpretrain's.
    """
    if name.endswith('.py'):
        cfg = Config.fromfile(name)
    else:
        metainfo = ModelHub.get(name)
        cfg, checkpoint = metainfo.config, checkpoint or metainfo.weights
        if not checkpoint:
            raise ValueError(f'{name!r} has no weights: give a checkpoint')
    model = cfg['model']
    if 'data_preprocessor' in cfg:
        model.setdefault('data_preprocessor', cfg.data_preprocessor)
    # Its types are found whatever the scope of the student's config.
    model.setdefault('_scope_', cfg.get('default_scope', 'mmpretrain'))
    return model, checkpoint


def _refuse_init_cfg(network: nn.Module) -> None:
    """Refuse weights that nobody loads, as ``init_weights`` is not called."""
    for module in network.modules():
        for cfg in pretrained_cfgs(getattr(module, 'init_cfg', None)):
            raise ValueError(
                f'init_cfg or pretrained names {cfg["checkpoint"]}: give the '
                "whole network's weights as the teacher's checkpoint")


def _name(model: dict, checkpoint: str | None) -> str:
    if checkpoint is not None:
        return Path(checkpoint).stem
    return model.get('model_name') or model.get('file') or model['type']
