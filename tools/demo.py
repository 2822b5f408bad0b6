"""Train a teacher and a student with and without it, and compare.

Each stage runs ``tools/train.py`` and ``tools/test.py``, as a user would. A
finished stage is reused, an interrupted one resumed.
"""
import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import mmengine
from demo_curves import plot
from mmengine.config import Config
from rich.console import Console
from rich.table import Table

from mmdeit.cli import add_traceback_argument, check_output, end_in_one_line

ROOT = Path(__file__).resolve().parents[1]
STAGES = {
    'teacher': 'Teacher',
    'student': 'DeiT, undistilled',
    'student-distilled': 'DeiT, distilled',
}


def run(*command: str) -> None:
    """Run one of this repository's tools, showing only its progress.

    Args:
        *command (str): Path of the tool in the repository, and arguments.

    Raises:
        SystemExit: If it fails, with the last lines of its output.
    """
    process = subprocess.Popen(
        [sys.executable, '-u', str(ROOT / command[0]), *command[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True)
    tail = []
    try:
        for line in process.stdout:
            tail = [*tail[-29:], line]
            if 'Epoch(' in line:
                print('   ', line[line.index('Epoch('):], end='', flush=True)
    except KeyboardInterrupt:
        process.terminate()  # which it finishes its checkpoint before
        process.wait()
        raise
    if process.wait() != 0:
        sys.exit(f'{"".join(tail)}\n{command[0]} failed, see above')


def last_checkpoint(work_dir: Path) -> str | None:
    """Find the last checkpoint of a stage.

    Args:
        work_dir (Path): Folder of the stage.

    Returns:
        str | None: Its path, or None if there is none.
    """
    pointer = work_dir / 'last_checkpoint'
    return pointer.read_text() if pointer.exists() else None


def train(stage: str, work_dir: Path, options: list) -> dict:
    """Train and test a stage, or reuse the results of an earlier run.

    Args:
        stage (str): A key of :data:`STAGES`, also the name of a config.
        work_dir (Path): Folder of the stage.
        options (list[str]): Config overrides, as ``key=value``.

    Returns:
        dict: ``seconds`` of training and ``metrics`` on the test set.

    Raises:
        ValueError: If the folder was trained with other settings.
    """
    config = str(ROOT / f'configs/demo/{stage}.py')
    state = work_dir / 'state.json'  # results, and their settings
    settings = [Config.fromfile(config).pretty_text, *options]
    done = dict(settings=settings, seconds=0., metrics=None)
    if state.exists():
        done = mmengine.load(state)
        if done['settings'] != settings:
            raise ValueError(f'{work_dir} was trained with other settings: '
                             'delete it, or choose another --work-dir')
    if done['metrics'] is not None:
        print(f'{STAGES[stage]}: reusing {work_dir}')
        return done

    common = ['--work-dir', str(work_dir), '--cfg-options', *options]
    resume = ['--resume'] if last_checkpoint(work_dir) else []
    print(f'{STAGES[stage]}: {"resuming" if resume else "training"} in '
          f'{work_dir}')
    start = time.perf_counter()
    try:
        run('tools/train.py', config, *resume, *common)
    finally:
        done['seconds'] += time.perf_counter() - start
        mmengine.dump(done, state)
    metrics = work_dir / 'metrics.json'
    run('tools/test.py', config, last_checkpoint(work_dir), '--out',
        str(metrics), '--out-item', 'metrics', *common)
    done['metrics'] = mmengine.load(metrics)
    mmengine.dump(done, state)
    return done


def summarize(results: dict) -> dict:
    """Collect the demo's results.

    Args:
        results (dict[str, dict]): From :func:`train`, for each stage.

    Returns:
        dict[str, float]: Top-1 in percent of the teacher, the undistilled
        student and each prediction of the distilled one; training seconds.
    """
    top1 = {
        stage: result['metrics']['accuracy/top1']
        for stage, result in results.items()
    }
    heads = results['student-distilled']['metrics']
    return dict(
        teacher_top1=top1['teacher'],
        undistilled_top1=top1['student'],
        class_top1=heads['accuracy/class_top1'],
        distill_top1=heads['accuracy/distill_top1'],
        joint_top1=top1['student-distilled'],
        train_seconds=sum(result['seconds'] for result in results.values()))


def show(summary: dict) -> None:
    """Print the table.

    Args:
        summary (dict[str, float]): From :func:`summarize`.
    """
    table = Table(title='Fashion-MNIST, 10,000 test images')
    table.add_column('model')
    table.add_column('prediction')
    table.add_column('top-1, %', justify='right')
    for key, model, prediction in (
        ('teacher_top1', 'teacher (convnet)', ''),
        ('undistilled_top1', 'DeiT, undistilled', ''),
        ('class_top1', 'DeiT, distilled', 'class head'),
        ('distill_top1', 'DeiT, distilled', 'distillation head'),
        ('joint_top1', 'DeiT, distilled', 'joint'),
    ):
        table.add_row(model, prediction, f'{summary[key]:.2f}')
    Console(width=70).print(table)


def prepare(data_root: Path) -> None:
    """Download the data set if it is missing.

    Args:
        data_root (Path): Where it goes.

    Raises:
        SystemExit: If it cannot be downloaded.
    """
    script = ROOT / 'tools/dataset_converters/prepare_fashion_mnist.py'
    command = [sys.executable, str(script), '--out', str(data_root)]
    if subprocess.run(command).returncode != 0:
        sys.exit('no data: see above')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/demo'),
        help='folder for all results; delete it to start over '
        '(default: %(default)s)')
    parser.add_argument(
        '--data-root',
        type=Path,
        default=Path('data/fashion-mnist'),
        help='folder of Fashion-MNIST, downloaded if missing '
        '(default: %(default)s)')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        help='overrides for all three configs, as key=value')
    add_traceback_argument(parser)
    return parser.parse_args()


def run_demo(args: argparse.Namespace) -> None:
    """Train, test, and show the table and the picture."""
    check_output(args.work_dir, '--work-dir', folder=True)
    prepare(args.data_root)
    options = args.cfg_options + [
        f'{split}_dataloader.dataset.data_root={args.data_root}'
        for split in ('train', 'val', 'test')
    ]
    results = {}
    for stage in STAGES:
        work_dir = args.work_dir / stage
        if stage == 'student-distilled':
            teacher = last_checkpoint(args.work_dir / 'teacher')
            options.append(f'default_hooks.teacher.teacher.checkpoint={teacher}')
        results[stage] = train(stage, work_dir, options)

    summary = summarize(results)
    path = args.work_dir / 'summary.json'
    path.write_text(json.dumps(summary, indent=2) + '\n')
    show(summary)
    print(f'{summary["train_seconds"]:.0f} s of training; numbers in {path}, '
          f'curves in {plot(args.work_dir)}')


def main() -> None:
    args = parse_args()
    with end_in_one_line(args) as last:
        last.describe = lambda: 'run again to continue from the last epoch'
        run_demo(args)


if __name__ == '__main__':
    main()
