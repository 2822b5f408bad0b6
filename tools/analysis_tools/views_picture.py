"""The picture of ``browse_views.py``: views, and below each what it is."""
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

SIDE = 2.2  # inches
HEAD = 0.6
LINE = 0.16
LARGEST = 2  # an image is mixed with one other
LONGEST = 15  # letters of a class


@dataclass
class Seen:
    """A view, as student and teacher see it.

    Args:
        position (int): In its epoch.
        source (str): Which image it is of.
        image (np.ndarray): Bytes ``(H, W, 3)`` in RGB, or ``(H, W)``.
        target (dict[int, float]): Share of each class that it has.
        answer (int, optional): The teacher's class. Defaults to None, without
            a teacher.
        probability (float, optional): Of that class, where the teacher says
            it. Defaults to None.
    """
    position: int
    source: str
    image: np.ndarray
    target: dict[int, float]
    answer: int | None = None
    probability: float | None = None

    def labels(self, names: Sequence[str] | None) -> str:
        """Its classes, the largest shares first: ``'cat 0.72, dog 0.28'``."""
        largest = sorted(self.target, key=self.target.get)[::-1][:LARGEST]
        if not self.target:
            return 'no label'
        if list(self.target.values()) == [1]:
            return name(largest[0], names)
        return ', '.join(f'{name(label, names)} {self.target[label]:.2f}'
                         for label in largest)

    def teacher(self, names: Sequence[str] | None) -> str:
        """The teacher's answer: ``'teacher: cat 0.93'``."""
        text = f'teacher: {name(self.answer, names)}'
        return text if self.probability is None else (
            f'{text} {self.probability:.2f}')


def name(label: int, names: Sequence[str] | None) -> str:
    """The name of a class, of ImageNet's synonyms the first."""
    if not names:
        return f'class {label}'
    text = str(names[label]).split(',')[0]
    return text if len(text) <= LONGEST else f'{text[:LONGEST - 1]}…'


def draw(views: Sequence[Seen], names: Sequence[str] | None, title: str,
         path: Path) -> None:
    """Draw views as a grid.

    Args:
        views (Sequence[Seen]): In the order of their positions.
        names (Sequence[str], optional): Of the classes.
        title (str): Above all.
        path (Path): The image file to write.
    """
    columns = min(8, math.ceil(math.sqrt(len(views))))
    rows = math.ceil(len(views) / columns)
    text = LINE * (4 if any(view.answer is not None for view in views) else 3)
    width = max(columns * SIDE, 5)
    height = rows * (SIDE + text) + HEAD
    figure = Figure(figsize=(width, height))  # needs no display
    figure.text(0.05 / width, 1 - 0.1 / height, title, va='top', fontsize=11)
    for i, view in enumerate(views):
        row, column = divmod(i, columns)
        bottom = height - HEAD - row * (SIDE + text) - SIDE
        axes = figure.add_axes(((column * SIDE + 0.05) / width, bottom / height,
                                (SIDE - 0.1) / width, (SIDE - 0.1) / height))
        axes.axis('off')
        axes.imshow(view.image, cmap='gray', vmin=0, vmax=255,
                    interpolation='nearest' if len(view.image) < 100 else None)
        lines = [(f'{view.position}  {_end(view.source)}', 'dimgray'),
                 (view.labels(names), 'black')]
        if view.answer is not None:
            color = 'darkgreen' if view.answer in view.target else (
                'firebrick' if view.target else 'dimgray')
            lines.append((view.teacher(names), color))
        for line, (words, color) in enumerate(lines):
            axes.annotate(words, (0, 0), (0, -4 - 72 * LINE * line),
                          'axes fraction', 'offset points', color=color,
                          fontsize=8, va='top')
    figure.savefig(path, dpi=100)


def _end(source: str, width: int = 26) -> str:
    """The end of a file's name, where files of a folder differ."""
    return source if len(source) <= width else f'…{source[1 - width:]}'
