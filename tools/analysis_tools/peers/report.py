"""What a comparison says: a line a measurement, and a table in Markdown."""
from pathlib import Path
from statistics import mean, median

from machine import circumstances
from rows import write_rows
from stopwatch_hook import STAGES

from mmdeit.files import write_atomically

from .presets import METHODS, Preset


def measurement(preset: Preset, student: str, method: str, turns: list[dict],
                steps: list[dict]) -> dict:
    """Describe what was measured of one method.

    Args:
        preset (Preset): The sizes.
        student (str): Its name.
        method (str): Of :data:`METHODS`.
        turns (list[dict]): ``seconds`` and ``peak_memory`` of each.
        steps (list[dict]): Seconds of each stage, for each step of a turn of
            its own, in which the GPU is waited for between the stages.
    """
    rates = [preset.batch * preset.iters / turn['seconds'] for turn in turns]
    stages = {name: mean(step[name] for step in steps) for name in STAGES}
    total = sum(stages.values())
    return dict(
        student=student,
        method=method,
        images_per_second=median(rates),
        rounds=rates,
        peak_memory=max(turn['peak_memory'] for turn in turns),
        shares={name: seconds / total for name, seconds in stages.items()
                if seconds},
        teacher=preset.teacher,
        size=preset.size,
        batch=preset.batch,
        iters=preset.iters,
        **circumstances())


def ratios(row: dict, first: dict) -> list[float]:
    """The speed of one to that of another, round by round."""
    return [a / b for a, b in zip(row['rounds'], first['rounds'])]


def table(rows: list[dict]) -> str:
    """Write the table of one comparison.

    Args:
        rows (list[dict]): Of :func:`measurement`.

    Returns:
        str: Markdown. Ratios are to our training with its live teacher, or to
        the first row where that was not measured: median of the rounds, and
        the lowest and highest.
    """
    one = rows[0]
    versions = ', '.join(f'{name} {one[name]}' for name in (
        'torch', 'mmengine', 'mmpretrain', 'timm') if name in one)
    lines = [
        f'{one["device"]}, {one["date"]}, {versions}; batches of '
        f'{one["batch"]} images of {one["size"]} pixels, teacher '
        f'{one["teacher"]}, {len(one["rounds"])} rounds of {one["iters"]} '
        'iterations.', '',
        '| student | method | images per second | speed, to ours | peak '
        'memory, GiB | teacher | student, forward and backward | rest |',
        '| --- | --- |' + ' ---: |' * 6
    ]
    for row in rows:
        same = [other for other in rows if other['student'] == row['student']]
        first = next((other for other in same if other['method'] == 'ours'),
                     same[0])
        found = ratios(row, first)
        teacher, student = (
            sum(row['shares'].get(name, 0) for name in names)
            for names in (('teacher', ), ('student forward', 'backward')))
        cells = [
            row['student'],
            METHODS[row['method']],
            f'{row["images_per_second"]:.4g}',
            '1' if row is first else
            f'{median(found):.2f} ({min(found):.2f} - {max(found):.2f})',
            f'{row["peak_memory"] / 2**30:.2f}',
            *(f'{share:.0%}'
              for share in (teacher, student, 1 - teacher - student))
        ]
        lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines) + '\n'


def write(rows: list[dict], text: str, out: Path) -> None:
    """Write rows, a line each, and the table.

    Args:
        rows (list[dict]): Plain values.
        text (str): Markdown.
        out (Path): Path of both files, without an ending.
    """
    write_rows(Path(f'{out}.json'), rows)
    write_atomically(Path(f'{out}.md'), text.encode())
    print(f'Written: {out}.json, {out}.md')
