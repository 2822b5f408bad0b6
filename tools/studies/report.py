"""What a study says: a table in Markdown, and a picture."""
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

from matplotlib.figure import Figure
from rich.console import Console
from rich.markdown import Markdown

from mmdeit.files import write_atomically

from .results import TOP1
from .runs import Run, Study

HEADS = {
    TOP1: 'top-1, %',
    'accuracy/class_top1': 'class head',
    'accuracy/distill_top1': 'distillation head',
}


def values(results: dict[Run, dict], method: str,
           name: str = TOP1) -> dict[int, float]:
    """Collect a metric of a method, by seed."""
    return {
        run.seed: row[name]
        for run, row in results.items() if run.method == method and name in row
    }


def gains(results: dict[Run, dict], method: str,
          baseline: str) -> list[float]:
    """Subtract the baseline's top-1, for each seed that both have."""
    ours, theirs = values(results, method), values(results, baseline)
    return [ours[seed] - theirs[seed] for seed in ours if seed in theirs]


def standard_error(differences: Sequence[float]) -> float | None:
    """Return the standard error of the mean; None of fewer than two."""
    if len(differences) < 2:
        return None
    return stdev(differences) / len(differences)**.5


def table(study: Study, results: dict[Run, dict]) -> str:
    """Write the table.

    Args:
        study (Study): Its methods, in order.
        results (dict[Run, dict]): What there is.

    Returns:
        str: Markdown: for each method mean and standard deviation of the
        accuracy, the mean of the paired differences from its baseline with
        its standard error, and how many of them are above zero.
    """
    heads = [
        name for name in HEADS if any(name in row for row in results.values())
    ]
    titles = ['learns from', 'seeds', *(HEADS[name] for name in heads)]
    compared = any(study.baselines.values())
    lines = [
        '| ' + ' | '.join([*titles, *['gain', 'above zero'] * compared]) + ' |',
        '| --- |' + ' ---: |' * (len(titles) - 1 + 2 * compared)
    ]
    methods = [*([study.teacher.method] if study.teacher else []),
               *study.baselines]
    for method in methods:
        top1 = values(results, method)
        if not top1:
            continue
        cells = [method, str(len(top1))]
        cells += [_spread(list(values(results, method, name).values()))
                  for name in heads]
        if compared:
            baseline = study.baselines.get(method)
            differences = [] if baseline in (None, method) else gains(
                results, method, baseline)
            cells += _gain(differences, baseline)
        lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines) + '\n'


def _spread(numbers: list[float]) -> str:
    if not numbers:
        return ''
    spread = f' ± {stdev(numbers):.2f}' if len(numbers) > 1 else ''
    return f'{mean(numbers):.2f}{spread}'


def _gain(differences: list[float], baseline: str | None) -> list[str]:
    if not differences:
        return ['', '']
    error = standard_error(differences)
    above = sum(difference > 0 for difference in differences)
    return [
        f'{mean(differences):+.2f}' + ('' if error is None else
                                       f' ± {error:.2f}'),
        f'{above} of {len(differences)}'
    ]


def plot(study: Study, results: dict[Run, dict], path: Path) -> None:
    """Draw each run as a point, and the mean of each method with its spread.

    Args:
        study (Study): Its methods, from top to bottom.
        results (dict[Run, dict]): What there is.
        path (Path): The image file to write.
    """
    methods = [name for name in study.baselines if values(results, name)]
    pairs = [name for name in methods
             if study.baselines[name] not in (None, name)
             and gains(results, name, study.baselines[name])]
    figure = Figure(figsize=(10, 1.6 + .42 * len(methods)))
    axes = figure.subplots(1, 2, sharey=True) if pairs else [figure.subplots()]
    for method in methods:
        row = -methods.index(method)
        _draw(axes[0], row, list(values(results, method).values()), stdev)
        if method in pairs:
            _draw(axes[1], row,
                  gains(results, method, study.baselines[method]),
                  standard_error)
    axes[0].set(xlabel='top-1, %:\nruns, mean and standard deviation')
    axes[0].set_yticks([-i for i in range(len(methods))], methods)
    if pairs:
        axes[1].axvline(0, color='black', linewidth=.8)
        axes[1].set(
            xlabel='gain over the baseline of the same seed:\n'
            'pairs, mean and standard error')
    for one in axes:
        one.grid(axis='x', alpha=.3)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def _draw(axes, row: int, numbers: list[float], spread) -> None:
    axes.plot(numbers, [row + .12] * len(numbers), 'o', color='C0', alpha=.35,
              markersize=5)
    axes.errorbar(mean(numbers), row - .08,
                  xerr=spread(numbers) if len(numbers) > 1 else None,
                  fmt='D', color='C1', capsize=4, markersize=5)


def report(study: Study, results: dict[Run, dict], out: Path) -> None:
    """Print the table, and write it and the picture.

    Args:
        study (Study): The study.
        results (dict[Run, dict]): What there is of it.
        out (Path): Path of both files, without an ending.
    """
    text = table(study, results)
    Console(width=120).print(Markdown(text))
    write_atomically(Path(f'{out}.md'), text.encode())
    plot(study, results, Path(f'{out}.png'))
    print(f'Written: {out}.json, {out}.md, {out}.png')
