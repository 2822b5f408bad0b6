"""The teacher of the distillation, beside the model rather than inside it.

It knows no student: it leaves its answer in the batch, as
:mod:`mmdeit.structures` describes, for whichever head asks for it.
"""
import logging

import torch
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import MODELS
from mmengine.runner import Runner
from torch import nn

from mmdeit.cache import TeacherCache, check_cache, open_cache
from mmdeit.models import ClsDataPreprocessor
from mmdeit.randomness import keep_random_state
from mmdeit.registry import HOOKS
from mmdeit.structures import TrainingTargets
from mmdeit.teachers.preflight import AnyTeacher, preflight
from mmdeit.utils import unwrap_model

from .logged import is_logged


@HOOKS.register_module()
class TeacherHook(Hook):
    """Runs a frozen teacher once on each training batch.

    It starts from the very tensor the student sees: after normalisation and
    Mixup or CutMix, in a forward hook of the data preprocessor. It is no
    submodule of the model, so it appears in no checkpoint, EMA copy, optimiser
    group or DDP bucket, and ``model.train()`` cannot wake its batch norm.
    Validation and testing neither run nor build it.

    Args:
        teacher (dict): Config of a :class:`mmdeit.teachers.Teacher` or a
            :class:`mmdeit.teachers.TeacherEnsemble`.
        preflight (int): On how many held-out images it is evaluated before
            the first iteration; 0 trusts it, and a cache. Defaults to 512.
        cache (str | dict, optional): Folder of answers: what is there is not
            asked again, and what is asked is written there. Where all is there
            no teacher is built; else it is asked again for 256 views, and too
            few that agree refuse the cache. A new one keeps labels for hard
            distillation, else the 10 largest probabilities;
            ``dict(folder=..., top_k=5)`` another number of them, and with None
            the logits as they are. Defaults to None.
        log_interval (int, optional): Gone; a warning says so. Defaults to None.
    """

    def __init__(self,
                 teacher: dict,
                 preflight: int = 512,
                 cache: str | dict | None = None,
                 log_interval: int | None = None) -> None:
        if not isinstance(preflight, int) or preflight < 0:
            raise ValueError(f'TeacherHook: preflight is {preflight!r}: give a '
                             'number of images, or 0 to trust the teacher')
        if log_interval is not None:
            print_log(
                'TeacherHook: log_interval is gone, leave it out: the '
                'agreement is logged with the losses', 'current',
                logging.WARNING)
        self.teacher_cfg = teacher
        self.preflight = preflight
        self.cache_cfg = cache and _cache_cfg(cache)
        self.cache: TeacherCache | None = None
        self.teacher: AnyTeacher | None = None
        self._handle = None

    def before_train(self, runner: Runner) -> None:
        """Build the teacher, check it and attach it.

        Not in ``before_run``, where ``EMAHook`` copies the model and its hooks.
        """
        self.open_cache(runner)
        if self.cache and self.cache.complete(runner.train_loop):
            runner.logger.info(f'All answers are in {self.cache}: there is no '
                               'teacher')
        else:
            self.build_teacher(runner)
            if self.cache and self.preflight and (
                    agreement := check_cache(self.cache, runner)):
                runner.logger.info(agreement)
        self.attach(runner)

    def open_cache(self, runner: Runner) -> None:
        """Open the cache, if there is one, for a student that is distilled."""
        if sum(isinstance(hook, TeacherHook) for hook in runner.hooks) > 1:
            raise ValueError('two teachers: write yours as default_hooks=dict('
                             'teacher=dict(_delete_=True, type=...))')
        model = unwrap_model(runner.model)
        head = getattr(model, 'head', None)
        objective = getattr(head, 'loss_module', None)
        if not getattr(objective, 'needs_teacher', False):
            raise ValueError(
                f'TeacherHook: {type(head or model).__name__} asks for no '
                "teacher: set model.head.loss.mode='hard' of a DeiTClsHead, or "
                "model.type='mmdeit.DistilledClassifier', or remove the hook")
        if self.cache_cfg:
            self.cache = self._open_cache(runner, objective.mode)

    def build_teacher(self, runner: Runner) -> None:
        """Build the teacher, and check it."""
        with keep_random_state():  # the student's is the same with any
            self.teacher = MODELS.build(self.teacher_cfg)
        report = preflight(self.teacher, runner, self.preflight)
        runner.logger.info(f'Teacher {report}')
        if self.cache:
            self.cache.ask(self.teacher, runner)

    def attach(self, runner: Runner) -> None:
        """Let what the student gets have answers."""
        preprocessor = unwrap_model(runner.model).data_preprocessor
        self._handle = preprocessor.register_forward_hook(self._ask_teacher)

    def _open_cache(self, runner: Runner, mode: str) -> TeacherCache:
        if not hasattr(runner.train_loop, 'plan'):
            raise ValueError('a cache needs views to tell its answers apart: '
                             "set train_cfg.type='mmdeit.EpochBasedTrainLoop'")
        preprocessor = unwrap_model(runner.model).data_preprocessor
        if not isinstance(preprocessor, ClsDataPreprocessor):
            raise ValueError(
                'a cache needs images that are mixed by their views: set model.'
                "data_preprocessor.type='mmdeit.ClsDataPreprocessor'")
        cfg = self.cache_cfg
        kind = 'labels' if mode == 'hard' else 'top-10'
        if 'top_k' in cfg:
            kind = f'top-{cfg["top_k"]}' if cfg['top_k'] else 'logits'
        with keep_random_state():
            return open_cache(runner, cfg['folder'], kind, self.teacher_cfg)

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: dict | None = None,
                         outputs: dict | None = None) -> None:
        """Write what was asked, when the log reads the device, too."""
        if self.cache and is_logged(runner, batch_idx):
            self.cache.flush()

    def on_interrupt(self, runner: Runner) -> None:
        """Write what was asked."""
        if self.cache:
            self.cache.flush()

    def after_train(self, runner: Runner) -> None:
        """Write what was asked, and let the teacher's memory go."""
        self._handle.remove()
        if self.cache:
            self.cache.flush()
        self.teacher = self.cache = None

    @torch.no_grad()
    def _ask_teacher(self, preprocessor: nn.Module, args: tuple,
                     batch: dict) -> None:
        # The hook's arguments cannot tell training from validation: wrappers
        # pass `training` by keyword, BaseModel by position.
        if not preprocessor.training:
            return
        targets = TrainingTargets.of(batch['data_samples'])
        targets.teacher_answer = (
            self.cache(batch['inputs'], args[0]['views'])
            if self.cache else self.teacher(batch['inputs']))
        batch['data_samples'] = targets


def _cache_cfg(cache: str | dict) -> dict:
    cfg = cache if isinstance(cache, dict) else dict(folder=str(cache))
    top_k = cfg.get('top_k')
    if cfg.keys() not in ({'folder'}, {'folder', 'top_k'}) or (
            top_k is not None and (type(top_k) is not int or top_k < 1)):
        raise ValueError(f'TeacherHook: cache is {cache!r}: give a folder, or '
                         'dict(folder=..., top_k=...) with a number from 1, or '
                         'None for all logits')
    return cfg
