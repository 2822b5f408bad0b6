"""Measure the disagreement between labels, teacher and the student's heads.

It makes the paper's Table 4 for the test images of a config (the validation
images if it has no test set) in one pass, and averages the cosine between the
class token and the distillation token after each layer.
"""
import argparse
import copy
from pathlib import Path

import mmengine
import torch
from agreement import TokenCosines, decide, disagreement
from agreement_report import plot, show
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner
from rich.console import Console
from rich.progress import track
from torch import nn
from torch.utils.data import DataLoader

from mmdeit.checkpoints import load_weights
from mmdeit.cli import (
    add_common_arguments,
    apply_num_classes,
    check_data,
    check_datasets,
    check_output,
    end_in_one_line,
    find_teacher_hook,
    load_config,
    read_config,
    set_dataloader_defaults,
)
from mmdeit.structures import read_labels
from mmdeit.teachers import StudentSpec, Teacher
from mmdeit.teachers.preflight import fit_teacher


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config', help='train config file with a TeacherHook')
    parser.add_argument('checkpoint', help="the student's checkpoint file")
    parser.add_argument(
        '--undistilled',
        nargs=2,
        metavar=('CONFIG', 'CHECKPOINT'),
        help='a student trained without a teacher, to compare with')
    parser.add_argument(
        '--out',
        type=Path,
        help='folder for agreement.json and agreement.png; defaults to the '
        "checkpoint's folder")
    add_common_arguments(parser)
    args = parser.parse_args()
    if args.launcher != 'none':
        parser.error('runs in one process: leave out --launcher')
    if args.out is None and '://' in args.checkpoint:
        parser.error('the checkpoint is a URL and has no folder: give --out')
    return args


def build_student(cfg: Config, checkpoint: str) -> nn.Module:
    """Build the model of a config in eval mode, with trained weights."""
    model = copy.deepcopy(cfg.model)
    if 'data_preprocessor' in cfg:
        model.setdefault('data_preprocessor', cfg.data_preprocessor)
    student = MODELS.build(model)
    load_weights(student, checkpoint)
    return student.to(get_device()).eval()


def build_teacher(cfg: Config) -> Teacher:
    """Build the teacher of a config.

    Raises:
        ValueError: If the config has none.
    """
    hook = find_teacher_hook(cfg)
    if hook is None:
        raise ValueError(f'{cfg.filename} has no teacher: give the config of a '
                         'distilled student')
    return MODELS.build(copy.deepcopy(hook['teacher']))


@torch.no_grad()
def analyse(
    loader: DataLoader,
    teacher: Teacher,
    student: nn.Module,
    undistilled: nn.Module | None = None
) -> tuple[dict[str, torch.Tensor], dict[str, float] | None]:
    """Predict with all classifiers on the same images, in one pass.

    Args:
        loader (DataLoader): Loads the images and their labels.
        teacher (Teacher): Bound to the student.
        student (nn.Module): The distilled student.
        undistilled (nn.Module, optional): An undistilled student. Defaults to
            None.

    Returns:
        tuple[dict[str, Tensor], dict[str, float] | None]: The classes that
        each predicts, of shape ``(N, )``; and the mean cosine between the
        tokens at each stage, None without a distillation token.
    """
    backbone = getattr(student, 'backbone', None)
    has_token = hasattr(backbone, 'dist_token')
    cosines = TokenCosines(backbone) if has_token else None
    batches: list[dict[str, torch.Tensor]] = []
    for batch in track(loader, 'Images', console=Console(stderr=True)):
        # Without the labels, which the preprocessor would move one by one.
        images = dict(inputs=batch['inputs'])
        inputs = student.data_preprocessor(images, False)['inputs']
        decisions = {
            'ground truth': read_labels(batch),
            'convnet': teacher(inputs).argmax(dim=1)
        }
        if undistilled is not None:
            seen = undistilled.data_preprocessor(images, False)['inputs']
            decisions['DeiT'] = undistilled(seen).argmax(dim=1)
        batches.append({**decisions, **decide(student, inputs)})
    return ({
        name: torch.cat([decisions[name] for decisions in batches]).cpu()
        for name in batches[0]
    }, cosines and cosines.finish())


def run(args: argparse.Namespace) -> None:
    """Build the models, compare them, and print and write the results."""
    cfg = load_config(args)
    out = args.out or Path(args.checkpoint).parent
    check_output(out, '--out', folder=True)
    name = 'test_dataloader' if cfg.get('test_dataloader') else 'val_dataloader'
    check_data(cfg, name)
    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    set_dataloader_defaults(cfg, not args.no_pin_memory)
    teacher = build_teacher(cfg)
    student = build_student(cfg, args.checkpoint)
    undistilled = None
    if args.undistilled is not None:
        other = read_config(args.undistilled[0])
        if other.get('num_classes', 0) is None:
            other.num_classes = cfg.get('num_classes')
        apply_num_classes(other)
        undistilled = build_student(other, args.undistilled[1])
        ours, its = (StudentSpec.of(model).num_classes
                     for model in (student, undistilled))
        if ours != its:
            raise ValueError(f'the undistilled student has {its} classes, the '
                             f'distilled {ours}: give one trained on the same '
                             'data')
    loader = Runner.build_dataloader(cfg[name], seed=0)
    check_datasets({name: loader.dataset}, student)
    fit_teacher(teacher, student, loader.dataset)
    # in fp32 without an accelerator, like the other tools
    amp = args.amp and get_device() != 'cpu'
    with torch.autocast(get_device(), enabled=amp):
        decisions, cosines = analyse(loader, teacher, student, undistilled)

    names = list(decisions)
    rates = disagreement(torch.stack(list(decisions.values()))).tolist()
    show(names, rates, cosines)
    out.mkdir(parents=True, exist_ok=True)
    mmengine.dump(
        dict(
            images=len(decisions['ground truth']),
            teacher=teacher.name,
            classifiers=names,
            disagreement=rates,
            token_cosine=cosines), out / 'agreement.json', indent=2)
    plot(names, rates, cosines, out / 'agreement.png')
    print(f'Written: {out / "agreement.json"} and {out / "agreement.png"}')


def main() -> None:
    args = parse_args()
    with end_in_one_line(args):
        run(args)


if __name__ == '__main__':
    main()
