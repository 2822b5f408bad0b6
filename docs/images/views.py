"""Draw views.png, the picture of docs/reproducibility.md."""
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

VIEWS, GROUPS = 1024, 8
COLORS = ['#a6cee3', '#fdbf6f', '#b2df8a', '#fb9a99', '#cab2d6', '#ffff99',
          '#d9d9d9', '#e0c2a2']
SHOWN = 4  # views at the beginning of a row, and one at its end

figure = Figure(figsize=(11, 5.6))
axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 110), ylim=(56, 0))
axes.axis('off')


def box(x: float, y: float, position: int | None) -> None:
    """A view, in the colour of its group; None leaves views out."""
    color = 'white' if position is None else COLORS[position % GROUPS]
    if position is not None:
        axes.add_patch(Rectangle((x, y), 3.6, 2.6, fc=color, ec='gray', lw=.6))
    axes.text(x + 1.8, y + 1.4, '…' if position is None else position,
              ha='center', va='center', fontsize=7.5)


def row(x: float, y: float, positions: range) -> None:
    """The views of a pass."""
    shown = [*positions[:SHOWN], None, positions[-1]]
    for i, position in enumerate(shown):
        box(x + 3.6 * i, y, position)


def panel(x: float, gpus: int) -> None:
    """What an iteration is on a number of GPUs."""
    passes = GROUPS // gpus
    axes.text(x, 17.5, f'{gpus} GPU{"s" * (gpus > 1)}, {passes} pass'
              f'{"es" * (passes > 1)} of 128 views', fontsize=11, weight='bold')
    for gpu in range(gpus):
        top = 19.5 + 4.2 * passes * gpu
        axes.add_patch(Rectangle((x, top), 33, 4.2 * passes - .5, fc='none',
                                 ec='black', lw=1))
        axes.text(x + .8, top + 2.1 * passes - .25, f'GPU {gpu}', va='center',
                  rotation=90 if passes > 1 else 0, fontsize=8)
        for number in range(passes):
            y = top + 4.2 * number + .6
            if passes > 1:
                axes.text(x + 3.4, y + 1.4, f'pass {number}', va='center',
                          fontsize=8)
            row(x + 10, y, range(gpu + gpus * number, VIEWS, GROUPS))


axes.text(2, 3, 'An iteration: 1,024 views in the order of the epoch, by their '
          'positions', fontsize=11, weight='bold')
for place in range(20):
    box(2 + 3.6 * place, 5, place)
box(2 + 3.6 * 20, 5, None)
for place in range(8):
    box(2 + 3.6 * (21 + place), 5, VIEWS - 8 + place)
axes.text(2, 11, 'A colour is a group: 128 views, every eighth, which Mixup or '
          'CutMix mixes with each other. It is the same group on any number of '
          'GPUs.', fontsize=9.5)
for i, count in enumerate((1, 4, 8)):
    panel(2 + 36.5 * i, count)
figure.savefig(Path(__file__).with_suffix('.png'), dpi=100)
