"""The number of classes, said once for the model, the data and the metrics."""
import re
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log

from mmdeit.datasets.class_folders import find_class_folders
from mmdeit.teachers.teacher import find_model

from .classes import training_folders
from .data import check_data
from .teacher import find_teacher_hook


def apply_num_classes(cfg: Config) -> None:
    """Write the top-level ``num_classes`` of a config wherever it belongs.

    That is, in place, the head and the data preprocessor of the model, the
    head of a teacher without ``class_mapping``, and the metrics, which lose
    each k of ``topk`` above it. None counts the folders of the training data
    or, if that is unlabelled, of the validation data.
    """
    head = cfg.model.get('head')
    if 'num_classes' not in cfg or not isinstance(head, dict):
        return
    if cfg.num_classes is None:
        cfg.num_classes = _count_folders(cfg)
    if not isinstance(cfg.num_classes, int) or cfg.num_classes < 1:
        raise ValueError(f'num_classes is {cfg.num_classes!r}: give a number')
    if cfg.num_classes == 1:
        raise ValueError('num_classes is 1, and a softmax over one class '
                         'learns nothing: give images of at least two classes')
    head.num_classes = cfg.num_classes
    for owner in (cfg, cfg.model):
        if owner.get('data_preprocessor'):
            owner.data_preprocessor.num_classes = cfg.num_classes
    teacher = (find_teacher_hook(cfg) or {}).get('teacher') or {}
    for member in teacher.get('members') or [teacher]:
        _apply_to_teacher(member, cfg.num_classes)
    for name in ('val_evaluator', 'test_evaluator'):
        metrics = cfg.get(name) or []
        for metric in [metrics] if isinstance(metrics, dict) else metrics:
            _limit_topk(metric, cfg.num_classes)
    _limit_topk(head, cfg.num_classes)


def _limit_topk(owner: dict, num_classes: int) -> None:
    if 'topk' in owner:
        topk = owner['topk']
        topk = (topk, ) if isinstance(topk, int) else topk
        owner['topk'] = tuple(k for k in topk if k <= num_classes) or (1, )


def check_parts(cfg: Config) -> None:
    """Refuse a config that sets the number of one part only, as in 0.1.

    Where a recipe has a top-level ``num_classes``, it would win silently.
    """
    text = Path(cfg.filename).read_text()
    head = cfg.model.get('head')
    if 'num_classes' in cfg and isinstance(head, dict) and (
            head.get('num_classes') != cfg.num_classes
            and re.search(r'^(?!num_classes)[^#\n]*\bnum_classes ?= ?\d', text,
                          re.M)
            and not re.search(r'^num_classes\b', text, re.M)):
        raise ValueError(f'{cfg.filename} sets num_classes of a part: set it '
                         'at the top level, for all parts')


def _apply_to_teacher(teacher: dict, num_classes: int) -> None:
    # Published weights have classes of their own.
    if teacher.get('class_mapping') is not None or '://' in (
            teacher.get('checkpoint') or ''):
        return
    model = teacher.get('model')
    if isinstance(model, str) and model.endswith('.py') and (
            Path(model).is_file()):
        model, _ = find_model(model)
        teacher['model'] = model
    if isinstance(model, dict) and isinstance(model.get('head'), dict):
        model['head']['num_classes'] = num_classes


def _count_folders(cfg: Config) -> int:
    for dataset in training_folders(cfg):
        count = len(dataset.CLASSES or find_class_folders(dataset.img_prefix))
        print_log(f'num_classes is {count}, as many as there are classes in '
                  f'{dataset.img_prefix}.')
        return count
    check_data(cfg, 'train_dataloader')  # is there any?
    raise ValueError('num_classes is None and train_dataloader has no folders '
                     'of classes to count: set num_classes or its data_root')
