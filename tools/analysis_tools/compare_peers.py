"""Train one student by this project and by its peers, in turn, and compare.

The same student, teacher, images and precision by

  ours      mmengine's Runner with this project's loop and hooks: without the
            teacher, with it, from a cache of its answers, and compiled, where
            this release can compile a student
  timm      its TokenDistillationTask, as its training script runs it; compiled
  official  a loop as that of facebookresearch/deit: teacher in the loss, loss
            scaling, and the GPU waited for in each iteration

Each is in a process of its own, and they take turns. All get batches that are
decoded, augmented and in memory, and mix them on the device. Weights are
random: speed does not depend on them.
"""
import argparse
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from peers.ours import fill_cache, our_config, our_configs, train_ours
from peers.presets import METHODS, PEERS, PRESETS, Preset, supported
from peers.report import measurement, table, write
from peers.turns import Training, start_context
from rich.console import Console
from rich.markdown import Markdown
from variants import randomize_teacher

from mmdeit.cli import add_traceback_argument, check_output, end_in_one_line


def start(method: str, preset: Preset, student: str, configs: dict,
          folder: str | None) -> Training:
    """Start a training, which waits for its turn."""
    turns = preset.warmup, preset.iters, number_of_turns(preset)
    if method not in PEERS:
        return Training(train_ours, turns, (configs[method], preset, folder))
    from peers import loops
    common = preset, preset.students[student], folder
    if method == 'official':
        return Training(loops.train_official, turns, common)
    return Training(loops.train_timm, turns,
                    (*common, method == 'timm-compiled'))


def compare(preset: Preset, student: str, work_dir: Path,
            folder: str | None) -> list[dict]:
    """Compare the methods on one student.

    Args:
        preset (Preset): The sizes, and the methods.
        student (str): A key of its students.
        work_dir (Path): Takes logs, teacher and cache, for all students.
        folder (str, optional): Of images; None for random ones.

    Returns:
        list[dict]: See :func:`peers.report.measurement`.
    """
    cfg = our_config(preset, preset.students[student], str(work_dir))
    randomize_teacher(cfg, str(work_dir))
    configs = our_configs(cfg, number_of_turns(preset) * (
        preset.warmup + preset.iters), str(work_dir / 'cache'))
    if 'ours-cached' in preset.methods:
        with ProcessPoolExecutor(1, start_context()) as pool:
            pool.submit(fill_cache, configs['ours-cached'], preset,
                        folder).result()
    trainings = {
        method: start(method, preset, student, configs, folder)
        for method in preset.methods
    }
    try:
        build(trainings)
        results = take_turns(trainings, preset.rounds, student)
        for training in trainings.values():  # for the stages
            training.turn()
        return [
            measurement(preset, student, method, results[method],
                        training.turn())
            for method, training in trainings.items()
        ]
    finally:
        for training in trainings.values():
            training.stop()


def number_of_turns(preset: Preset) -> int:
    """One to build, the rounds, and one for the stages."""
    return preset.rounds + 2


def build(trainings: dict[str, Training]) -> None:
    """Let all build their models, those that compile them at once."""
    compiled = [training for method, training in trainings.items()
                if 'compiled' in method]
    for training in compiled:
        training.begin()
    for training in compiled:
        training.result()
    for training in trainings.values():
        if training not in compiled:
            training.turn()


def take_turns(trainings: dict[str, Training], rounds: int,
               student: str) -> dict[str, list[dict]]:
    """Let all train in turn, and collect what they say."""
    results = {method: [] for method in trainings}
    for number in range(rounds):
        print(f'{student}: round {number + 1} of {rounds}', file=sys.stderr)
        for method, training in trainings.items():
            results[method].append(training.turn())
    return results


def benchmark(args: argparse.Namespace) -> None:
    """Measure, then print and write the results."""
    if args.out:
        check_output(f'{args.out}.json', '--out')
    preset = choose(args)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for student in preset.students:
            rows += compare(preset, student, Path(folder), args.data_root)
            if args.out:  # so that an interruption loses little
                write(rows, table(rows), args.out)
    Console(width=140).print(Markdown(table(rows)))


def choose(args: argparse.Namespace) -> Preset:
    """The preset, with what the arguments say in its place.

    Raises:
        ImportError: If a peer is not installed.
    """
    preset = PRESETS[args.preset]
    given = {name: getattr(args, name)
             for name in ('batch', 'iters', 'rounds', 'methods')
             if getattr(args, name)}
    preset = replace(preset, **given)
    methods = supported(preset.methods)
    if set(methods) & set(PEERS):
        try:
            from peers import loops  # noqa: F401
        except ImportError as error:
            ours = ' '.join(name for name in methods if name not in PEERS)
            raise ImportError(
                f'the peers need timm ({error}): pip install "timm>=1.0.25", '
                f'or leave them out by --methods {ours or "ours"}') from error
    if not methods:
        raise ValueError('this release cannot compile the student: give other '
                         '--methods')
    students = preset.students
    if args.students:
        unknown = set(args.students) - set(students)
        if unknown:
            raise ValueError(f'{", ".join(unknown)} is not in the preset: '
                             f'choose from {", ".join(students)}')
        students = {name: students[name] for name in args.students}
    return replace(preset, methods=methods, students=students)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--preset',
        choices=list(PRESETS),
        default='cpu',
        help='gpu: DeiT-Ti, S and B at 224 pixels by RegNetY-16GF; cpu: small, '
        'for about a minute; tiny: to try the tool (default: %(default)s)')
    parser.add_argument(
        '--methods', nargs='+', choices=list(METHODS),
        help="in place of the preset's")
    parser.add_argument(
        '--students', nargs='+', help="some of the preset's, such as DeiT-Ti")
    for name, meaning in (('batch', 'images of an iteration'),
                          ('iters', 'iterations of a turn that are timed'),
                          ('rounds', 'turns of each')):
        parser.add_argument(
            f'--{name}', type=int, help=f"{meaning}, in place of the preset's")
    parser.add_argument(
        '--data-root',
        help='folder of images to train on; random ones if left out')
    parser.add_argument(
        '--out',
        type=Path,
        help='name, without an ending, of the results: OUT.json, a '
        'measurement a line, and the table OUT.md')
    add_traceback_argument(parser)
    args = parser.parse_args()
    for name in ('batch', 'iters', 'rounds'):
        if (value := getattr(args, name)) is not None and value < 1:
            parser.error(f'--{name} is {value}: give a number from 1')
    if args.batch and args.batch % 2:
        parser.error(f'--batch is {args.batch}: timm mixes pairs of images, '
                     'give an even number')
    return args


def main() -> None:
    args = parse_args()
    with end_in_one_line(args):
        benchmark(args)


if __name__ == '__main__':
    main()
