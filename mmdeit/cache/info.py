"""What a cache of answers says of itself."""
from itertools import groupby
from pathlib import Path

from .answers import AnswerFiles
from .codecs import codec
from .teacher_cache import read_index


def show(folder: Path, epochs: list[int] | None) -> None:
    """Print what a cache says of itself, and how much is there."""
    saved = read_index(folder)
    views, made_of = saved['views'], saved['fingerprint']
    files = AnswerFiles(folder, codec(saved['kind'], saved['num_classes']),
                        views)
    blocks = sum(path.stat().st_blocks for path in folder.iterdir())
    print(f'{folder}: {saved["kind"]} of {saved["num_classes"]} classes, '
          f'{files.codec.dtype.itemsize} bytes a view, {views:,} views an '
          f'epoch, {blocks * 512 / 2**20:,.1f} MiB on the disk')
    print(f'seed {made_of["seed"]}; teacher: '
          f'{name_teacher(made_of["teacher"])}')
    counts = {epoch: files.count(epoch)
              for epoch in files.epochs() if not epochs or epoch in epochs}
    for count, group in groupby(sorted(counts), counts.get):
        print(f'{ranges([*group])}: {count:,} views '
              f'({"all" if count == views else f"{count / views:.1%}"})')
    if not counts:
        print('no answers yet')


def name_teacher(teacher: dict) -> str:
    """Each member's network, and the beginning of its weights' digest."""
    names = []
    for member in teacher.get('members', [teacher]):
        model = member.get('model')
        if isinstance(model, dict):
            backbone = model.get('backbone') or model
            model = ' '.join(backbone[key].split('.')[-1]
                             for key in ('type', 'arch')
                             if isinstance(backbone.get(key), str))
        digest = (member.get('checkpoint') or 'no file')[:12]
        names.append(f'{model} ({digest})')
    return ' and '.join(names)


def ranges(epochs: list[int]) -> str:
    """Say epochs, as in ``epochs 0-49, 52``."""
    groups = [[*group] for _, group in groupby(
        enumerate(epochs), lambda pair: pair[1] - pair[0])]
    text = ', '.join(
        f'{first}-{last}' if first != last else f'{first}'
        for first, last in ((group[0][1], group[-1][1]) for group in groups))
    return f'epoch{"s" * (len(epochs) > 1)} {text}'
