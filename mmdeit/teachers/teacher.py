"""A frozen network that answers for the student's images and classes."""
from pathlib import Path
from typing import List, Optional, Sequence, Union

import torch
from mmengine.dist import broadcast_object_list
from mmengine.model import PretrainedInit
from torch import Tensor, nn

from mmdeit.checkpoints import load_weights
from mmdeit.registry import MODELS

from .base_teacher import BaseTeacher
from .class_mapping import class_indices
from .execution import Execution, executions, measure
from .find_model import find_model
from .preprocessing import (
    Preprocessing,
    StudentSpec,
    resolve_normalization,
)


@MODELS.register_module()
class Teacher(BaseTeacher):
    """Any classifier, with its own preprocessing, classes and precision.

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
            class for each of the student's, see
            :func:`mmdeit.teachers.class_mapping.class_indices`. Defaults to
            None: both have the same classes.
        class_names (Sequence[str], optional): Names of the teacher's classes.
            Defaults to None: what ``model`` says, if anything.
        expected_accuracy (float, optional): Top-1 in percent that it is known
            to have on the student's validation data. Defaults to None.
        dtype (str, optional): ``'float32'``, ``'bfloat16'``, ``'float16'`` or
            ``'auto'``. Defaults to None: the student's, but bfloat16 under
            its autocast.
        channels_last (bool | str): Memory layout, or ``'auto'``. Defaults to
            False.
        compile (bool | str): Whether to compile the network, or ``'auto'``.
            Defaults to False. Each ``'auto'`` takes what is fastest in a
            short measurement at the start.
        name (str, optional): How messages call it. Defaults to None, a name
            taken from the checkpoint or the model.

    Raises:
        FileNotFoundError: If the checkpoint or config file is missing.
        ValueError: If there are no weights, they do not fit, or an argument
            is wrong.
    """

    def __init__(
        self,
        model: Union[dict, str],
        checkpoint: Optional[str] = None,
        data_preprocessor: Optional[dict] = None,
        input_size: Optional[Union[int, Sequence[int]]] = None,
        class_mapping: Optional[Union[str, Sequence[Union[int, str]]]] = None,
        class_names: Optional[Sequence[str]] = None,
        expected_accuracy: Optional[float] = None,
        dtype: Optional[str] = None,
        channels_last: Union[bool, str] = False,
        compile: Union[bool, str] = False,
        name: Optional[str] = None,
    ) -> None:
        super().__init__()
        self.executions = executions(dtype, channels_last, compile)
        if not (expected_accuracy is None
                or isinstance(expected_accuracy, (int, float))
                and 1 < expected_accuracy <= 100):
            raise ValueError(f'expected_accuracy is {expected_accuracy!r}: '
                             'give it in percent, as 94.22')
        if isinstance(model, str):
            model, checkpoint = find_model(model, checkpoint)
        self.name = name or _name(model, checkpoint)
        self.network = MODELS.build(model)
        if checkpoint is not None:
            load_weights(self.network, checkpoint)
        else:
            _refuse_init_cfg(self.network)
        self.data_preprocessor = data_preprocessor
        self.input_size = input_size
        self.class_mapping = class_mapping
        self.class_names = class_names or getattr(self.network, 'class_names',
                                                  None)
        self.expected_accuracy = expected_accuracy
        self.preprocess: nn.Module = nn.Identity()
        # the teacher's class for each of the student's, (K, ); None: the same
        self.register_buffer('indices', None, persistent=False)
        self.requires_grad_(False)
        self.eval()
        self.set_execution(self.executions[0])

    @property
    def members(self) -> List['Teacher']:
        """list[Teacher]: Itself."""
        return [self]

    def adapt(self, spec: StudentSpec) -> None:
        """See :meth:`BaseTeacher.adapt`."""
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
        """See :meth:`BaseTeacher.forward`."""
        logits = self.execute(self.preprocess(inputs))
        if self.indices is None:
            return logits
        return logits.index_select(1, self.indices)

    def join(self, answers: Sequence[Tensor]) -> Tensor:
        """See :meth:`BaseTeacher.join`: its own answer."""
        return answers[0]

    def set_execution(self, execution: Execution) -> None:
        """Execute the network in another way from now on.

        Args:
            execution (Execution): The way.
        """
        self.execution = execution
        self.execute = execution.prepare(self.network)

    def tune(self, inputs: Tensor) -> str:
        """See :meth:`BaseTeacher.tune`."""
        if len(self.executions) == 1:
            return f'{self.name}: {self.execution}'
        try:
            seconds = measure(self.network, self.executions,
                              self.preprocess(inputs))
        except ValueError as error:
            raise ValueError(f'teacher {self.name!r} {error}') from error
        # All processes of a job take what the first one measured.
        choice = [min(seconds, key=seconds.get)]
        broadcast_object_list(choice)
        chosen = choice[0]
        if any(way.compile for way in seconds):
            # What was compiled to be measured counts towards torch's limit of
            # recompilations, beyond which it stops compiling.
            torch.compiler.reset()
        self.set_execution(chosen)
        timings = '; '.join(f'{way}: {1000 * s:.1f} ms'
                            for way, s in seconds.items())
        return f'{self.name}: {chosen} (measured {timings})'


def _refuse_init_cfg(network: nn.Module) -> None:
    """Refuse weights that nobody loads.

    mmengine's ``init_weights`` would, but passes over those that do not fit.
    """
    for module in network.modules():
        init_cfg = getattr(module, 'init_cfg', None) or []
        for cfg in [init_cfg] if isinstance(init_cfg, dict) else init_cfg:
            if cfg['type'] in ('Pretrained', PretrainedInit):
                raise ValueError(
                    f'init_cfg or pretrained names {cfg["checkpoint"]}: give '
                    "the whole network's weights as the teacher's checkpoint")


def _name(model: dict, checkpoint: Optional[str]) -> str:
    if checkpoint is not None:
        return Path(checkpoint).stem
    return model.get('model_name') or model.get('file') or model['type']
