"""A user's folder in which everything is right, to make one thing wrong."""
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from tests.tools import run_tool

SPLITS = ('train', 'val', 'test')
CLASSES = ('cat', 'dog', 'fox')


@dataclass
class World:
    """The folder that a tool runs in, which a case may spoil.

    ``config.py`` is the config, ``teacher.pth`` its teacher, ``student.pth`` a
    checkpoint of its student, ``data/{train,val,test}/CLASS`` have images.
    """
    root: Path

    def __truediv__(self, path: str) -> Path:
        return self.root / path

    def write(self, path: str, text: str | bytes) -> None:
        """Write a file, in a folder that may not be there yet."""
        file = self / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, str):
            file.write_text(text)
        else:
            file.write_bytes(text)

    def folder(self, path: str) -> None:
        """Make a folder."""
        (self / path).mkdir(parents=True)

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with all that is in it."""
        if (self / path).is_dir():
            shutil.rmtree(self / path)
        else:
            (self / path).unlink()

    def move(self, old: str, new: str) -> None:
        """Give a file or folder another name."""
        (self / old).rename(self / new)

    def images(self, split: str) -> list[Path]:
        """The images of a split."""
        return sorted((self / 'data' / split).glob('*/*.png'))

    def configure(self, text: str) -> None:
        """Add lines to the config."""
        with (self / 'config.py').open('a') as file:
            file.write(f'\n{text}\n')

    def replace(self, old: str, new: str) -> None:
        """Replace a text in the config."""
        text = (self / 'config.py').read_text()
        assert old in text
        (self / 'config.py').write_text(text.replace(old, new))

    def change_checkpoint(self, change: Callable[[dict], object],
                          name: str = 'student.pth') -> None:
        """Change what a checkpoint holds, in place."""
        checkpoint = torch.load(self / name, weights_only=True)
        change(checkpoint)
        torch.save(checkpoint, self / name)


@dataclass
class Case:
    """One thing that is wrong, the command that meets it and what it says.

    Args:
        name (str): What is wrong.
        command (str): Tool and arguments, in the world's folder.
        line (str): How the one line begins, after ``error: ``.
        spoil (Callable): Makes it wrong, in a world.
        code (int): The exit code. Defaults to 1.
    """
    name: str
    command: str
    line: str
    spoil: Callable[[World], object] = field(default=lambda world: None)
    code: int = 1


TOOLS = dict(
    train='tools/train.py config.py',
    test='tools/test.py config.py student.pth',
    check='tools/analysis_tools/check_teacher.py config.py',
    agreement='tools/analysis_tools/analyze_agreement.py config.py student.pth',
    benchmark='tools/analysis_tools/benchmark_train.py config.py',
    loader='tools/analysis_tools/benchmark_loader.py config.py',
    convert='tools/model_converters/convert_deit.py')


def run(world: World, case: Case) -> None:
    """Run the command of a case and look at how it ends.

    It must end in its line, without a traceback, and before any training.
    """
    case.spoil(world)
    tool, _, arguments = case.command.partition(' ')
    path, *fixed = TOOLS[tool].split()
    output = run_tool(path, *fixed, *arguments.split(), code=case.code)
    lines = output.strip().split('\n')
    assert 'Traceback' not in output, output
    assert 'Epoch(train)' not in output and 'Epoch(test)' not in output, output
    errors = [line for line in lines if re.match(r'(\w+\.py: )?error: ', line)]
    assert errors == lines[-1:], output
    assert errors[0].split('error: ', 1)[1].startswith(case.line), errors[0]


def make_world(root: Path, config: Path) -> None:
    """Write images, config and checkpoints into an empty folder."""
    rng = np.random.default_rng(0)
    for split in SPLITS:
        for name in CLASSES:
            folder = root / 'data' / split / name
            folder.mkdir(parents=True)
            for i in range(3):
                cv2.imwrite(str(folder / f'{i}.png'),
                            rng.integers(0, 255, (8, 8, 3), np.uint8))
    (root / 'config.py').write_text(config.read_text())
    cfg = Config.fromfile(config)
    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    teacher = MODELS.build(cfg.default_hooks.teacher.teacher.model)
    torch.save(dict(state_dict=teacher.state_dict()), root / 'teacher.pth')
    student = MODELS.build(cfg.model)
    torch.save(
        dict(
            state_dict=student.state_dict(),
            meta=dict(dataset_meta=dict(classes=CLASSES))),
        root / 'student.pth')
