"""Table and figure of ``analyze_agreement.py``, with the paper's numbers."""
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

# Table 4 of arXiv 2012.12877, above the diagonal.
CLASSIFIERS = ('ground truth', 'convnet', 'DeiT', 'class', 'distillation',
               'joint')
_RATES = ((.171, .182, .170, .169, .166), (.133, .112, .100, .102),
          (.109, .110, .107), (.050, .033), (.019, ))
PAPER = {
    (CLASSIFIERS[i], CLASSIFIERS[i + 1 + j]): rate
    for i, row in enumerate(_RATES) for j, rate in enumerate(row)
}
# Section 5.3
PAPER_COSINES = dict(input=.06, output=.93)


def show(names: Sequence[str], rates: Sequence[Sequence[float]],
         cosines: dict[str, float] | None) -> None:
    """Print the rates of disagreement and the cosines of the tokens.

    Args:
        names (Sequence[str]): The M classifiers.
        rates (Sequence[Sequence[float]]): Their M x M rates.
        cosines (dict[str, float], optional): By stage; None without a
            distillation token.
    """
    console = Console(width=100)
    table = Table(title="Rates of disagreement (the paper's)")
    table.add_column('')
    for name in names[1:]:
        table.add_column(name, justify='right')
    for i, name in enumerate(names[:-1]):
        table.add_row(name, *[''] * i, *(
            _beside(rates[i][j], PAPER.get((name, names[j])))
            for j in range(i + 1, len(names))))
    console.print(table)
    if cosines is None:
        console.print('No cosine of tokens: the student has no distillation '
                      'token.')
        return
    table = Table()
    table.add_column('tokens')
    table.add_column("cosine (the paper's)", justify='right')
    for stage, cosine in cosines.items():
        table.add_row(f'layer {stage}' if stage.isdigit() else stage,
                      _beside(cosine, PAPER_COSINES.get(stage)))
    console.print(table)


def _beside(value: float, paper: float | None) -> str:
    return f'{value:.3f}' + ('' if paper is None else f' ({paper:.3f})')


def plot(names: Sequence[str], rates: Sequence[Sequence[float]],
         cosines: dict[str, float] | None, path: Path) -> None:
    """Draw the rates as a heat map and the cosines as a curve.

    Args:
        names (Sequence[str]): The M classifiers.
        rates (Sequence[Sequence[float]]): Their M x M rates.
        cosines (dict[str, float], optional): By stage; None without a
            distillation token.
        path (Path): The image file to write.
    """
    columns = 1 if cosines is None else 2
    figure = Figure(figsize=(6 * columns, 5))  # needs no display
    axes = figure.subplots(1, columns, squeeze=False)[0]
    image = axes[0].imshow(rates, cmap='viridis', vmin=0)
    half = image.norm.vmax / 2
    for i, row in enumerate(rates):
        for j, rate in enumerate(row):
            axes[0].text(j, i, f'{rate:.3f}', ha='center', va='center',
                         color='black' if rate > half else 'white')
    axes[0].set(
        title='Rates of disagreement',
        xticks=range(len(names)),
        yticks=range(len(names)),
        yticklabels=names)
    axes[0].set_xticklabels(names, rotation=30, ha='right')
    if cosines is not None:
        stages = list(cosines)
        axes[1].plot(stages, list(cosines.values()), marker='o',
                     label='measured')
        known = [stage for stage in stages if stage in PAPER_COSINES]
        axes[1].plot(known, [PAPER_COSINES[stage] for stage in known], 'x',
                     label='paper')
        axes[1].set(
            title='Cosine of class and distillation token', xlabel='layer')
        axes[1].legend()
        axes[1].grid(alpha=.3)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
