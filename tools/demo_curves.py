"""The figure of the demo: losses and accuracies from the logs."""
from pathlib import Path

from analysis_tools.compare_runs import read_scalars
from matplotlib.figure import Figure


def plot(work_dir: Path) -> Path:
    """Draw the curves of all stages.

    Args:
        work_dir (Path): Folder of the demo.

    Returns:
        Path: The image file.
    """
    figure = Figure(figsize=(11, 4))  # needs no display
    left, right = figure.subplots(1, 2)
    for name in ('loss_cls', 'loss_distill'):
        steps, values = read_scalars(work_dir / 'student-distilled', name)
        left.plot(steps, values, label=name)
    left.set(
        title='Losses of the distilled student',
        xlabel='iteration',
        ylabel='weighted loss')
    for stage, name, label in (
        ('student-distilled', 'accuracy/top1', 'distilled, joint'),
        ('student-distilled', 'accuracy/class_top1', 'distilled, class head'),
        ('student-distilled', 'accuracy/distill_top1',
         'distilled, distillation head'),
        ('student', 'accuracy/top1', 'undistilled'),
        ('teacher', 'accuracy/top1', 'teacher'),
    ):
        right.plot(
            *read_scalars(work_dir / stage, name), marker='o', label=label)
    right.set(title='Test accuracy', xlabel='epoch', ylabel='top-1, %')
    right.xaxis.get_major_locator().set_params(integer=True)
    for axes, corner in ((left, 'upper right'), (right, 'lower right')):
        axes.legend(loc=corner)
        axes.grid(alpha=.3)
    figure.tight_layout()
    path = work_dir / 'curves.png'
    figure.savefig(path, dpi=120)
    return path
